// The history as columns, read once. A record is known by its place, counted from 0; src/explain/picture/columns.rs
// writes what is read here.

const told = JSON.parse(document.getElementById("data").textContent);
const count = told.marks.ms.length;
const LOOK = Object.fromEntries(told.looks.map((word, at) => [word, at]));

/** Running sums: what was told as distances. */
function summed(distances) {
  const sums = new Float64Array(distances.length);
  let sum = 0;
  for (let at = 0; at < sums.length; at++) sums[at] = sum += distances[at];
  return sums;
}

/** Never going back: a place on the axis for each record, also where the clock was set back. */
function rising(values) {
  const out = Float64Array.from(values);
  for (let at = 1; at < out.length; at++) out[at] = Math.max(out[at], out[at - 1]);
  return out;
}

const wall = summed(told.marks.ms);
const axis = rising(wall);
const begin = count ? axis[0] : 0;
const end = count ? axis[count - 1] : 0;

function readLane({ peer, bars }, index) {
  const size = bars.length / 3;
  const lane = { peer, index, from: new Int32Array(size), stands: new Int16Array(size), wake: new Float64Array(size) };
  let place = 0;
  for (let at = 0; at < size; at++) {
    lane.from[at] = place += bars[at * 3];
    lane.stands[at] = bars[at * 3 + 1];
    lane.wake[at] = bars[at * 3 + 2];
  }
  return Object.assign(lane, { records: [], drawn: [], parcels: [] });
}

const lanes = told.lanes.map(readLane);
for (let place = 0; place < count; place++) {
  const lane = lanes[told.marks.lane[place]];
  if (!lane) continue;
  lane.records.push(place);
  if (told.marks.look[place] !== LOOK.other) lane.drawn.push(place);
}
told.parcels.id.forEach((_, parcel) => {
  const accepted = told.parcels.accepted[parcel];
  if (accepted >= 0) lanes[told.marks.lane[accepted]]?.parcels.push(parcel);
});
const named = new Map(told.links.map(([place, ...lsns]) => [place, lsns]));

/** Records are missing between one stretch and the next. */
const stretches = told.stretches.map(([place, lsn], at) => ({ place, lsn, end: told.stretches[at + 1]?.[0] ?? count }));
const lsnOf = (place) => {
  const { place: from, lsn } = stretches.findLast((stretch) => stretch.place <= place);
  return lsn + place - from;
};
/** -1: it stands before the picture, or cannot be read. */
const placeOf = (lsn) => {
  const stretch = stretches.findLast((it) => it.lsn <= lsn);
  const place = stretch ? stretch.place + lsn - stretch.lsn : -1;
  return stretch && place < stretch.end ? place : -1;
};
const kindOf = (place) => told.texts[told.marks.kind[place]];
const saysOf = (place) => told.texts[told.marks.says[place]];
const settingsOf = (place) => told.texts[told.marks.settings[place]] ?? "";
const actorOf = (place) => told.texts[told.marks.actor[place]];
const lookOf = (place) => told.marks.look[place];
const peerOf = (place) => lanes[told.marks.lane[place]]?.peer ?? "";
const parcelOf = (place) => told.marks.parcel[place];
const wakeOf = (place) => told.marks.wake[place] && lsnOf(place) - told.marks.wake[place];

/** What a record names as its reasons: lsns, all before it. */
function linksOf(place) {
  const back = told.marks.cause[place];
  return [...(named.get(place) ?? []), ...(back ? [lsnOf(place) - back] : [])];
}

/** The chain that `dormouse why LSN` prints: places, latest first, and lsns that are not in the picture. */
function chainOf(place) {
  const found = new Set([place]);
  const before = new Set();
  const open = [place];
  while (open.length) {
    for (const lsn of linksOf(open.pop())) {
      const link = placeOf(lsn);
      if (link < 0) before.add(lsn);
      if (link < 0 || found.has(link)) continue;
      found.add(link);
      open.push(link);
    }
  }
  return { places: [...found].sort((a, b) => b - a), before: [...before] };
}

/** Kinds that say what nobody could, each with what it becomes in a chain that does not hold it. */
const UNTOLD = {
  session_not_known: saysOf,
  turn_judged: (place) => saysOf(place).replace("judged, not known: the turn", "it was only judged that the turn"),
};
/** Ends for a silence in which the program said nothing of itself. */
const silences = new Map(told.silences.map(([place, text]) => [place, told.texts[text]]));
const lost = Array.from({ length: count }, (_, place) => place).filter((place) => kindOf(place) === "record_lost");

const found = new Set(told.found);

/** From where on the times without a daemon belong to a chain: what a start has found became so in the one before it. */
function beginOf(places) {
  const starts = places.filter((place) => found.has(place)).map((place) => told.gaps.findLast(([, to]) => to <= place)?.[0] ?? place);
  return Math.min(...starts, places.at(-1));
}

/** The last place in a chain that speaks of each session: `[lane, wake, place]`. */
function sessionsOf(places) {
  const last = new Map();
  for (const place of places) {
    const [lane, wake] = [told.marks.lane[place], wakeOf(place)];
    if (wake && lanes[lane] && !last.has(`${lane} ${wake}`)) last.set(`${lane} ${wake}`, [lane, wake, place]);
  }
  return [...last.values()];
}

/** What `dormouse why` says beside a chain that nobody knows: places with their words, latest first. The same is often said
 * again and again; between two records of the chain once is enough. */
function untold(places) {
  const inChain = new Set(places);
  const beside = [];
  for (const [lane, wake, last] of sessionsOf(places)) {
    const records = lanes[lane].records;
    for (let at = firstNotBelow(records.length, last + 1, (at) => records[at]) - 1; at >= 0 && lsnOf(records[at]) >= wake; at--) {
      const place = records[at];
      if (UNTOLD[kindOf(place)] && wakeOf(place) === wake && !inChain.has(place)) beside.push(place);
    }
  }
  const newest = new Set();
  const isNewest = (place) => {
    const between = `${places.findIndex((it) => it < place)} ${kindOf(place)}`;
    return !newest.has(between) && newest.add(between);
  };
  const said = beside.sort((a, b) => b - a).filter(isNewest).map((place) => [place, UNTOLD[kindOf(place)](place)]);
  const gone = lost.filter((place) => place <= places[0] && place >= places.at(-1)).map((place) => [place, saysOf(place)]);
  const unheard = places.filter((place) => silences.has(place)).map((place) => [place, silences.get(place)]);
  return [...said, ...gone, ...unheard];
}

/** The first index at which `values[index]` is not below `value`; values rise. */
function firstNotBelow(length, value, valueAt) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueAt(middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What a lane says at a moment: its bar, with where that ends. */
function barAt(lane, ms) {
  const after = firstNotBelow(lane.from.length, ms + 1e-6, (at) => axis[lane.from[at]]);
  return after ? barOf(lane, after - 1) : null;
}

function barOf(lane, at) {
  const to = at + 1 < lane.from.length ? axis[lane.from[at + 1]] : end;
  const stands = lane.stands[at] === -2 ? NOT_KNOWN : told.standings[lane.stands[at]] ?? null;
  return { at, from: axis[lane.from[at]], to, stands, wake: lane.wake[at] };
}

/** Behind records that cannot be read, until a snapshot says how things stood. */
const NOT_KNOWN = { phase: "not known", turn: null, armed: false };

/** The span that a moment falls into in which no daemon ran, or of which the records cannot be read. */
function gapAt(ms) {
  return told.gaps.find(([from, to]) => axis[from] < ms && ms < axis[to]);
}
