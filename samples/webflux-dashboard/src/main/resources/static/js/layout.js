// Where nodes stand: trainers in the middle, the others around them on one or more ellipses, in the order of their ids.
// The same nodes always stand at the same places.

/** Room for labels beside and above the ellipse, in rem. */
const MARGIN = { wide: [9.5, 3.4], narrow: [2, 3], dense: [2.4, 2.4] };

/** How big nodes are drawn, in rem. */
export function nodeRadius(amount) {
  return amount <= 10 ? 1.75 : amount <= 24 ? 1.35 : amount <= 48 ? 1 : amount <= 110 ? 0.8 : 0.4;
}

/**
 * Positions `{x, y, angle, outward}` by id in a field of width by height pixels; `outward` is where a label has room:
 * start (to the right), end (to the left), or middle with above or below.
 */
export function placeNodes(nodes, width, height, rem, labelled) {
  const radius = nodeRadius(nodes.length) * rem * (width < 38 * rem ? 0.75 : 1);
  const inner = sorted(nodes.filter((node) => node.kind === "trainer"));
  const outer = sorted(nodes.filter((node) => node.kind !== "trainer"));
  const room = !labelled ? "dense" : width < 38 * rem ? "narrow" : "wide";
  const [marginX, marginY] = MARGIN[room];
  const centre = { x: width / 2, y: height / 2 };
  const reach = { x: Math.max(radius, width / 2 - marginX * rem - radius), y: Math.max(radius, height / 2 - marginY * rem - radius) };
  const places = new Map();
  placeOuter(outer, centre, reach, radius * 2.7, places);
  if (room === "narrow") {
    places.forEach((spot) => (spot.outward = Math.sin(spot.angle) < -0.5 ? "above" : "below"));
  }
  placeInner(inner, centre, { x: reach.x * 0.4, y: reach.y * 0.4 }, radius, places);
  return { places, radius, centre };
}

/** As many ellipses, one within the other, as are needed for nodes not to touch. */
function placeOuter(nodes, centre, reach, spacing, places) {
  const rings = ringsNeeded(nodes.length, reach, spacing);
  nodes.forEach((node, i) => {
    const ring = i % rings;
    const shrink = 1 - (ring * spacing * 0.85) / Math.min(reach.x, reach.y);
    const angle = evenAngle((i + 0.5) / nodes.length, reach);
    places.set(node.id, place(centre, { x: reach.x * Math.max(shrink, 0.2), y: reach.y * Math.max(shrink, 0.2) }, angle));
  });
}

function ringsNeeded(amount, reach, spacing) {
  let rings = 1;
  while (rings < 12 && capacity(rings, reach, spacing) < amount) {
    rings++;
  }
  return rings;
}

function capacity(rings, reach, spacing) {
  let room = 0;
  for (let ring = 0; ring < rings; ring++) {
    const shrink = 1 - (ring * spacing * 0.85) / Math.min(reach.x, reach.y);
    room += Math.max(0, (Math.PI * (reach.x + reach.y) * shrink) / spacing);
  }
  return room;
}

function placeInner(nodes, centre, reach, radius, places) {
  if (nodes.length === 1) {
    places.set(nodes[0].id, { ...centre, angle: Math.PI / 2, outward: "below" });
    return;
  }
  const room = { x: Math.max(reach.x, radius * 2), y: Math.max(reach.y, radius * 2) };
  nodes.forEach((node, i) => {
    const spot = place(centre, room, evenAngle((i + 0.5) / nodes.length, room));
    places.set(node.id, { ...spot, outward: "below" });
  });
}

/** The angle after that share of an ellipse's circumference, from the top, so that neighbours are equally far apart. */
function evenAngle(share, reach) {
  const steps = 90;
  const lengths = [0];
  for (let i = 1; i <= steps; i++) {
    const t = ((i - 0.5) / steps) * 2 * Math.PI;
    lengths.push(lengths[i - 1] + Math.hypot(reach.x * Math.cos(t), reach.y * Math.sin(t)));
  }
  const wanted = share * lengths[steps];
  const i = Math.max(1, lengths.findIndex((length) => length >= wanted));
  const within = (wanted - lengths[i - 1]) / (lengths[i] - lengths[i - 1]);
  return ((i - 1 + within) / steps) * 2 * Math.PI - Math.PI / 2;
}

function place(centre, reach, angle) {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const outward = Math.abs(cos) < 0.35 ? (sin < 0 ? "above" : "below") : cos > 0 ? "start" : "end";
  return { x: centre.x + reach.x * cos, y: centre.y + reach.y * sin, angle, outward };
}

function sorted(nodes) {
  return [...nodes].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
