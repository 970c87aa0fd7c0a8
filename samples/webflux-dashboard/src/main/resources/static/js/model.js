// The swarm as the server told it: a snapshot, and updates that replace or append.

const MOST_EVENTS = 500;
const MOST_CHART_POINTS = 300;
const MOST_RUN_POINTS = 600;

/** Nothing is known yet. */
export function emptySwarm() {
  return {
    known: false,
    now: Date.now(),
    about: {},
    connection: { state: "joining", peer: null, text: null, retryAt: null },
    nodes: [],
    links: [],
    grids: [],
    charts: { names: [], points: [] },
    runs: [],
    events: [],
  };
}

/** The swarm after a snapshot. */
export function fromSnapshot(message) {
  const swarm = emptySwarm();
  applyUpdate(swarm, message);
  swarm.known = true;
  swarm.charts.points = list(message.charts?.points);
  swarm.runs = list(message.runs).map((run) => ({ ...run, points: list(run.points) }));
  return swarm;
}

/** Takes what changed into the swarm. */
export function applyUpdate(swarm, message) {
  if (Number.isFinite(message.now)) {
    swarm.now = message.now;
  }
  for (const section of ["about", "connection"]) {
    if (message[section]) {
      swarm[section] = { ...swarm[section], ...message[section] };
    }
  }
  for (const section of ["nodes", "links", "grids"]) {
    if (Array.isArray(message[section])) {
      swarm[section] = message[section];
    }
  }
  if (message.charts) {
    swarm.charts = chartsAfter(swarm.charts, message.charts);
  }
  if (Array.isArray(message.runs)) {
    swarm.runs = runsAfter(swarm.runs, message.runs);
  }
  if (Array.isArray(message.events) && message.events.length > 0) {
    const latest = swarm.events.at(-1)?.seq ?? -1;
    const fresh = message.events.filter((event) => event.seq > latest);
    swarm.events = [...swarm.events, ...fresh].slice(-MOST_EVENTS);
  }
}

function chartsAfter(before, update) {
  const names = list(update.names ?? before.names);
  const points = update.points ? list(update.points) : appended(before.points, update.newPoints).slice(-MOST_CHART_POINTS);
  return { ...before, ...update, names, points, newPoints: undefined };
}

function runsAfter(before, runs) {
  const known = new Map(before.map((run) => [runKey(run), run]));
  return runs.map((run) => {
    const points = run.points ?? thinned(appended(known.get(runKey(run))?.points, run.newPoints));
    const names = run.names ?? known.get(runKey(run))?.names;
    return { ...run, names: list(names), points: list(points), newPoints: undefined };
  });
}

/** Points ascend by their first number; one that is there already replaces the old one. */
function appended(points, fresh) {
  const all = list(points).slice();
  for (const point of list(fresh)) {
    while (all.length > 0 && all.at(-1)[0] >= point[0]) {
      all.pop();
    }
    all.push(point);
  }
  return all;
}

/** Every second point once there are too many: the curve keeps its beginning. */
function thinned(points) {
  return points.length <= MOST_RUN_POINTS ? points : points.filter((_, i) => i % 2 === 0 || i === points.length - 1);
}

/** One name can be used by several trainers. */
export function runKey(run) {
  return `${run.source ?? ""} ${run.run}`;
}

/** The column of that name in points, as numbers or null. */
export function column(names, points, name) {
  const index = names.indexOf(name);
  return points.map((point) => (index >= 0 && Number.isFinite(point[index]) ? point[index] : null));
}

/** Points hold the time first, then a value per name. */
export function chartColumn(charts, points, name) {
  return column(["time", ...charts.names], points, name);
}

/** The latest value of a chart, or null. */
export function latest(charts, name) {
  const point = charts.points.at(-1);
  return point ? chartColumn(charts, [point], name)[0] : null;
}

/** Nodes that are there, whatever they do. */
export function present(nodes) {
  return nodes.filter((node) => node.state !== "gone" && node.state !== "unreachable");
}

/** Experts of all grids that are there. */
export function hosted(grids) {
  return grids.flatMap((grid) => list(grid.experts)).filter((expert) => expert.state !== "gone");
}

export function list(value) {
  return Array.isArray(value) ? value : [];
}
