// Numbers, times and names as people read them. Unknown is an en dash.

const UNKNOWN = "–";
const LOCALE = "en-GB";
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const clockTime = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** Whether it is a number that one can compute with. */
export function known(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** Three significant digits or so: 0.004, 0.42, 8.1, 1,234, 12.3k, 4.5M. */
export function number(value) {
  if (!known(value)) {
    return UNKNOWN;
  }
  const size = Math.abs(value);
  if (size === 0) {
    return "0";
  }
  if (size < 1) {
    return size < 1e-5 ? value.toExponential(0) : String(Number(value.toPrecision(2)));
  }
  if (size < 9.95) {
    return oneDigit.format(value);
  }
  if (size < 10_000) {
    return whole.format(value);
  }
  return size < 1e6 ? `${oneDigit.format(value / 1e3)}k` : size < 1e9 ? `${oneDigit.format(value / 1e6)}M` : `${oneDigit.format(value / 1e9)}G`;
}

/** A count. */
export function count(value) {
  return known(value) ? whole.format(value) : UNKNOWN;
}

/** With as many decimals as told, so that a figure does not change its width. */
export function fixed(value, digits) {
  return known(value) ? value.toFixed(digits) : UNKNOWN;
}

/** A loss: three digits below ten. */
export function loss(value) {
  return !known(value) || value === 0 ? count(value) : Math.abs(value) < 10 ? value.toFixed(value < 0.1 ? 3 : 2) : number(value);
}

/** A fraction as per cent. */
export function percent(value) {
  if (!known(value)) {
    return UNKNOWN;
  }
  const hundredths = value * 100;
  return `${hundredths !== 0 && Math.abs(hundredths) < 10 ? hundredths.toFixed(1) : Math.round(hundredths)}\u00a0%`;
}

/** Milliseconds, as µs, ms, s or min. */
export function duration(millis) {
  if (!known(millis)) {
    return UNKNOWN;
  }
  if (millis === 0) {
    return "0\u00a0ms";
  }
  if (Math.abs(millis) < 0.0995) {
    return `${Math.round(millis * 1000)}\u00a0µs`;
  }
  if (Math.abs(millis) < 1000) {
    return `${number(millis)}\u00a0ms`;
  }
  return millis < 60_000 ? `${oneDigit.format(millis / 1000)}\u00a0s` : span(millis);
}

/** Bytes per second. */
export function byteRate(value) {
  if (!known(value)) {
    return UNKNOWN;
  }
  const units = ["B", "kB", "MB", "GB", "TB"];
  let rest = value;
  let unit = 0;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${rest >= 9.95 || unit === 0 ? whole.format(rest) : oneDigit.format(rest)}\u00a0${units[unit]}/s`;
}

/** A stretch of time in its largest unit: 12 s, 3 min, 5 h, 2 d. */
export function span(millis) {
  const seconds = Math.max(0, Math.round(millis / 1000));
  if (seconds < 90) {
    return `${seconds}\u00a0s`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) {
    return `${minutes}\u00a0min`;
  }
  const hours = Math.round(minutes / 60);
  return hours < 36 ? `${hours}\u00a0h` : `${Math.round(hours / 24)}\u00a0d`;
}

/** How long ago it was. */
export function ago(at, now) {
  return known(at) ? (now - at < 1500 ? "just now" : `${span(now - at)} ago`) : UNKNOWN;
}

/** The time of day. */
export function clock(at) {
  return isTime(at) ? clockTime.format(at) : UNKNOWN;
}

/** The same for machines, or null. */
export function isoTime(at) {
  return isTime(at) ? new Date(at).toISOString() : null;
}

function isTime(at) {
  return known(at) && Math.abs(at) < 8e15;
}

/** Enough of an id to tell it from others. */
export function shortId(id) {
  return String(id ?? "").slice(0, 8);
}

/** "1 node", "4 nodes". */
export function plural(amount, one, many = `${one}s`) {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}
