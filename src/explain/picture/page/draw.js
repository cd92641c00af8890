// Only what is in view is drawn, and never more than a few things for each pixel.

const canvas = document.getElementById("lanes");
const brush = canvas.getContext("2d");
const colours = {};
const FONT = '12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif';
const SMALL = FONT.replace("12px", "11px");
/** Of a bar, and of the row of marks above it, from the top of the lane. */
const BAR = { top: 15, height: 9 };
const MARKS = 8;
/** Marks closer than this become one. */
const APART = 7;
/** More messages than these are not joined to their arrival. */
const JOINED_MAX = 1500;

/** Shape and colour of each mark; what stands further down is shown where several fall together. */
const GLYPHS = {
  accepted: ["ring", "message"], delivered: ["disc", "message"], answer: ["diamond", "message"], done: ["tick", "good"],
  ready: ["tick", "life"], armed: ["square", "life"], wake: ["up", "life"], reap: ["down", "life"],
  operator: ["diamond", "life"], cancelled: ["minus", "soft"], refused: ["barred", "doubt"], failed: ["bang", "doubt"],
  dead: ["voided", "bad"], quarantine: ["square", "bad"], death: ["cross", "bad"],
};
const RANK = Object.keys(GLYPHS);
const rankOf = (look) => RANK.indexOf(told.looks[look]);

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["paper", "panel", "ink", "soft", "line", "stripe", "focus", "chosen", "gap", "asleep", "waking", "running", "ended",
    "waiting", "error", "unknown", "reaping", "stopped", "quarantined", "external", "message", "good", "bad", "doubt", "life"];
  for (const name of names) colours[name] = style.getPropertyValue(`--${name}`).trim();
  hatch = null;
}

const barColour = ({ phase, turn }) => colours[phase === "live" ? turn ?? "unknown" : phase];

function polygon(on, points) {
  on.beginPath();
  points.forEach(([x, y]) => on.lineTo(x, y));
  on.closePath();
  on.fill();
}

function strokes(on, ...lines) {
  on.beginPath();
  for (const [x, y, ...rest] of lines) {
    on.moveTo(x, y);
    for (let at = 0; at < rest.length; at += 2) on.lineTo(rest[at], rest[at + 1]);
  }
  on.stroke();
}

function circle(on, x, y, r) {
  on.beginPath();
  on.arc(x, y, r, 0, 7);
}

const SHAPES = {
  ring: (on, x, y, r) => (circle(on, x, y, r - 0.7), on.stroke()),
  disc: (on, x, y, r) => (circle(on, x, y, r), on.fill()),
  diamond: (on, x, y, r) => polygon(on, [[x, y - r - 1], [x + r + 1, y], [x, y + r + 1], [x - r - 1, y]]),
  square: (on, x, y, r) => on.fillRect(x - r + 0.5, y - r + 0.5, 2 * r - 1, 2 * r - 1),
  up: (on, x, y, r) => polygon(on, [[x, y - r], [x + r, y + r - 0.5], [x - r, y + r - 0.5]]),
  down: (on, x, y, r) => polygon(on, [[x, y + r], [x + r, y - r + 0.5], [x - r, y - r + 0.5]]),
  tick: (on, x, y, r) => strokes(on, [x - r, y, x - r / 3, y + r - 1, x + r, y - r + 1]),
  cross: (on, x, y, r) => strokes(on, [x - r + 0.5, y - r + 0.5, x + r - 0.5, y + r - 0.5], [x - r + 0.5, y + r - 0.5, x + r - 0.5, y - r + 0.5]),
  voided: (on, x, y, r) => (SHAPES.ring(on, x, y, r + 0.8), SHAPES.cross(on, x, y, r - 1.4)),
  bang: (on, x, y, r) => (on.fillRect(x - 1.1, y - r, 2.2, r + 1.6), on.fillRect(x - 1.1, y + r - 1.6, 2.2, 2.2)),
  minus: (on, x, y, r) => strokes(on, [x - r, y, x + r, y]),
  barred: (on, x, y, r) => (SHAPES.ring(on, x, y, r), strokes(on, [x - r + 1, y + r - 1, x + r - 1, y - r + 1])),
};

function glyph(on, word, x, y, r = 4) {
  const [shape, colour] = GLYPHS[word];
  on.fillStyle = on.strokeStyle = colours[colour];
  on.lineWidth = 1.7;
  SHAPES[shape](on, x, y, r);
}

let hatch = null;
function hatching() {
  if (hatch) return hatch;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const on = tile.getContext("2d");
  on.fillStyle = colours.paper;
  on.fillRect(0, 0, 8, 8);
  on.strokeStyle = colours.gap;
  strokes(on, [-2, 10, 10, -2], [-2, 2, 2, -2], [6, 10, 10, 6]);
  return (hatch = brush.createPattern(tile, "repeat"));
}

/** Bars thinner than a pixel share it: it has the colour of whichever fills most of it. */
function drawBars(lane, y) {
  let [pixel, best, longest] = [-1, null, 0];
  const flush = () => best && paintBar(best, pixel, 1, y);
  const first = Math.max(0, firstNotBelow(lane.from.length, view.from, (at) => axis[lane.from[at]]) - 1);
  for (let at = first; at < lane.from.length && axis[lane.from[at]] <= view.to; at++) {
    const bar = barOf(lane, at);
    if (!bar.stands || bar.stands === NOT_KNOWN) continue;
    const [left, right] = [Math.max(xOf(bar.from), LABELS), Math.min(xOf(bar.to), view.width)];
    if (right - left >= 1) {
      paintBar(bar.stands, left, right - left, y);
    } else {
      if (Math.floor(left) !== pixel) flush(), ([pixel, best, longest] = [Math.floor(left), null, -1]);
      if (right - left > longest) [best, longest] = [bar.stands, right - left];
    }
  }
  flush();
}

function paintBar(stands, left, width, y) {
  const thin = stands.phase === "asleep" ? 3 : 0;
  brush.fillStyle = barColour(stands);
  brush.fillRect(left, y + BAR.top + thin, width, BAR.height - 2 * thin);
  if (stands.armed && width >= 1) {
    brush.fillStyle = colours.life;
    brush.fillRect(left, y + BAR.top + BAR.height, width, 1.5);
  }
}

/** Groups of marks that fall together: `[x, place to show, how many]`, from left to right. */
function clusters(lane) {
  const found = [];
  const margin = ((view.to - view.from) / plotWidth()) * APART;
  const first = firstNotBelow(lane.drawn.length, view.from - margin, (at) => axis[lane.drawn[at]]);
  for (let at = first; at < lane.drawn.length && axis[lane.drawn[at]] <= view.to + margin; at++) {
    const place = lane.drawn[at];
    const x = xOf(axis[place]);
    const last = found.at(-1);
    if (!last || x - last.x > APART) found.push({ x, place, places: 1 });
    else last.places++, rankOf(lookOf(place)) > rankOf(lookOf(last.place)) && (last.place = place);
  }
  return found;
}

function drawMarks(lane, y) {
  for (const { x, place, places } of clusters(lane)) {
    glyph(brush, told.looks[lookOf(place)], x, y + MARKS);
    if (places > 1) drawMore(x, y, places);
  }
}

/** Under a mark that stands for several: the more, the wider. */
function drawMore(x, y, places) {
  const width = Math.min(APART, 2 + Math.log2(places));
  brush.fillStyle = colours.soft;
  brush.fillRect(x - width / 2, y + MARKS + 5, width, 1);
}

/** A line below the bar from the moment a message was accepted until it came in. */
function drawWaits(lane, y) {
  const seen = lane.parcels.filter((parcel) => {
    const [from, to] = [told.parcels.accepted[parcel], told.parcels.delivered[parcel]];
    return to >= 0 && axis[from] <= view.to && axis[to] >= view.from && xOf(axis[to]) - xOf(axis[from]) >= 2;
  });
  if (seen.length > JOINED_MAX) return;
  brush.fillStyle = colours.message;
  brush.globalAlpha = 0.35;
  for (const parcel of seen) {
    const [left, right] = [xOf(axis[told.parcels.accepted[parcel]]), xOf(axis[told.parcels.delivered[parcel]])];
    brush.fillRect(left, y + BAR.top + BAR.height + 2.5, right - left, 1.5);
  }
  brush.globalAlpha = 1;
}

function drawLane(lane) {
  const y = yOf(lane.index);
  if (lane === chosen.lane) {
    brush.fillStyle = colours.chosen;
    brush.fillRect(0, y, view.width, LANE);
  } else if (lane.index % 2) {
    brush.fillStyle = colours.stripe;
    brush.fillRect(0, y, view.width, LANE);
  }
  drawBars(lane, y);
  drawWaits(lane, y);
}

function drawGaps() {
  for (const [from, to, what] of told.gaps) {
    const [left, right] = [Math.max(xOf(axis[from]), LABELS), Math.min(xOf(axis[to]), view.width)];
    if (right < LABELS || left > view.width) continue;
    const bottom = Math.min(plotBottom(), yOf(lanes.length));
    brush.fillStyle = hatching();
    // However short it was, damage is seen.
    const wide = Math.max(right - left, what === 2 ? 6 : 1);
    brush.fillRect(left, AXIS, wide, bottom - AXIS);
    if (what === 2) {
      brush.fillStyle = colours.bad;
      brush.fillRect(left, AXIS, 1.5, bottom - AXIS);
      brush.fillRect(left + wide - 1.5, AXIS, 1.5, bottom - AXIS);
    }
    if (right - left > 120) write(["no daemon: killed", "no daemon: stopped", "cannot be read"][what], (left + right) / 2, AXIS + 12, "center", SMALL);
  }
}

function write(text, x, y, align = "left", font = FONT, colour = "soft") {
  brush.font = font;
  brush.textAlign = align;
  brush.fillStyle = colours[colour];
  brush.fillText(text, x, y);
}

function drawLabels() {
  brush.fillStyle = colours.panel;
  brush.fillRect(0, AXIS, LABELS, plotBottom() - AXIS);
  for (const lane of visibleLanes()) {
    const y = yOf(lane.index);
    if (lane === chosen.lane) {
      brush.fillStyle = colours.chosen;
      brush.fillRect(0, y, LABELS, LANE);
      brush.fillStyle = colours.focus;
      brush.fillRect(0, y, 3, LANE);
    }
    write(lane.peer, 16, y + LANE / 2 + 4, "left", FONT, "ink");
  }
}

/** Times of day above, the date where a day begins, and at the left edge. */
function drawAxis() {
  const step = stepFor(((view.to - view.from) / plotWidth()) * 90);
  const shift = zoneShift(view.from);
  brush.fillStyle = colours.panel;
  brush.fillRect(0, 0, view.width, AXIS);
  write(day(view.from), LABELS + 6, 15, "left", SMALL);
  brush.lineWidth = 1;
  for (let ms = Math.ceil((view.from + shift) / step) * step - shift; ms < view.to; ms += step) {
    const x = Math.round(xOf(ms)) + 0.5;
    brush.strokeStyle = colours.line;
    strokes(brush, [x, AXIS - 6, x, plotBottom()]);
    const isMidnight = (ms + shift) % 8.64e7 === 0;
    if (isMidnight && x > LABELS + 70) write(day(ms), x, 15, "center", SMALL);
    if (step < 8.64e7) write(tick(ms, step), x, 30, "center", SMALL);
  }
  brush.strokeStyle = colours.line;
  strokes(brush, [0, AXIS - 0.5, view.width, AXIS - 0.5], [LABELS - 0.5, 0, LABELS - 0.5, view.height]);
}

/** The way of the chosen message: from its sender's lane to the moment it came in. */
function drawWay(parcel) {
  if (parcel < 0) return;
  const [accepted, delivered] = [told.parcels.accepted[parcel], told.parcels.delivered[parcel]];
  if (accepted < 0) return;
  const [sender, lane] = [lanes[told.parcels.from_lane[parcel]], lanes[told.marks.lane[accepted]]];
  const y = (it) => yOf(it.index) + LANE / 2;
  brush.strokeStyle = colours.message;
  brush.lineWidth = 1.5;
  if (sender && lane && sender !== lane) strokes(brush, [xOf(axis[accepted]), y(sender), xOf(axis[accepted]), y(lane)]);
  if (lane && delivered >= 0) strokes(brush, [xOf(axis[accepted]), y(lane), xOf(axis[delivered]), y(lane)]);
}

function drawChosen() {
  if (chosen.place === null) return;
  const x = Math.round(xOf(axis[chosen.place])) + 0.5;
  brush.strokeStyle = colours.focus;
  brush.lineWidth = 1;
  strokes(brush, [x, AXIS, x, plotBottom()]);
  drawWay(parcelOf(chosen.place));
  if (!chosen.lane) return;
  circle(brush, x, yOf(chosen.lane.index) + MARKS, 7);
  brush.lineWidth = 2;
  brush.stroke();
}

/** All of history in a strip: how much happened when, and which part of it is in view. */
function drawMap() {
  const [top, width, air] = [plotBottom(), plotWidth(), Math.max(end - begin, 1)];
  brush.fillStyle = colours.panel;
  brush.fillRect(0, top, view.width, MAP);
  brush.strokeStyle = colours.line;
  brush.lineWidth = 1;
  strokes(brush, [0, top + 0.5, view.width, top + 0.5]);
  write("all of it", 16, top + 19, "left", SMALL);
  const most = Math.max(...density);
  brush.fillStyle = colours.soft;
  density.forEach((n, at) => {
    if (!n) return;
    const height = 2 + (MAP - 8) * Math.sqrt(n / most);
    brush.fillRect(LABELS + (at / density.length) * width, top + MAP - 2 - height, Math.max(1, width / density.length - 0.5), height);
  });
  const [left, right] = [view.from, view.to].map((ms) => LABELS + (Math.min(Math.max(ms, begin), end) - begin) / air * width);
  brush.fillStyle = colours.focus;
  brush.globalAlpha = 0.18;
  brush.fillRect(left, top + 1, Math.max(3, right - left), MAP - 1);
  brush.globalAlpha = 1;
}

const density = new Array(300).fill(0);
for (const ms of axis) density[Math.min(299, Math.floor(((ms - begin) / Math.max(end - begin, 1)) * 300))]++;

function visibleLanes() {
  const first = Math.max(0, Math.floor(view.top / LANE));
  return lanes.slice(first, Math.ceil((view.top + plotBottom() - AXIS) / LANE) + 1);
}

function clipped(top, bottom, left, draw) {
  brush.save();
  brush.beginPath();
  brush.rect(left, top, view.width - left, bottom - top);
  brush.clip();
  draw();
  brush.restore();
}

function drawAll() {
  const began = performance.now();
  brush.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  brush.fillStyle = colours.paper;
  brush.fillRect(0, 0, view.width, view.height);
  drawAxis();
  clipped(AXIS, plotBottom(), 0, () => {
    visibleLanes().forEach(drawLane);
    clipped(AXIS, plotBottom(), LABELS, drawGaps);
    clipped(AXIS, plotBottom(), LABELS, () => visibleLanes().forEach((lane) => drawMarks(lane, yOf(lane.index))));
    clipped(AXIS, plotBottom(), LABELS, drawChosen);
    drawLabels();
  });
  drawMap();
  return performance.now() - began;
}
