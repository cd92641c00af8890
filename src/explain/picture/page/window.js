// What is in view: a span of time from left to right, lanes from top to bottom. Everything in CSS pixels.

const LANE = 30;
const AXIS = 40;
const MAP = 30;
const LABELS = Math.min(220, 40 + 7.2 * Math.max(8, ...lanes.map((lane) => lane.peer.length)));
/** Closer than this nobody needs to look. */
const SPAN_MS_MIN = 20;

const view = { from: begin, to: end, top: 0, width: 800, height: 600 };

const plotWidth = () => Math.max(1, view.width - LABELS);
const plotBottom = () => view.height - MAP;
const xOf = (ms) => LABELS + ((ms - view.from) / (view.to - view.from)) * plotWidth();
const msOf = (x) => view.from + ((x - LABELS) / plotWidth()) * (view.to - view.from);
const yOf = (index) => AXIS + index * LANE - view.top;
const laneAt = (y) => (y < AXIS || y >= plotBottom() ? undefined : lanes[Math.floor((y - AXIS + view.top) / LANE)]);

/** A little air on both sides, so that the first and the last mark can be seen. */
function fit() {
  const air = Math.max((end - begin) * 0.015, SPAN_MS_MIN);
  look(begin - air, end + air);
}

/** Shows this span, as far as there is history: no further out than all of it, no closer than makes sense. */
function look(from, to) {
  const air = Math.max((end - begin) * 0.015, SPAN_MS_MIN);
  const [first, last] = [begin - air, end + air];
  const span = Math.min(Math.max(to - from, SPAN_MS_MIN), last - first);
  const middle = (from + to) / 2;
  view.from = Math.min(Math.max(middle - span / 2, first), last - span);
  view.to = view.from + span;
}

function zoom(factor, x = LABELS + plotWidth() / 2) {
  const [at, span] = [msOf(x), Math.max((view.to - view.from) * factor, SPAN_MS_MIN)];
  const share = (x - LABELS) / plotWidth();
  look(at - span * share, at + span * (1 - share));
}

function move(pixels) {
  const ms = (pixels / plotWidth()) * (view.to - view.from);
  look(view.from + ms, view.to + ms);
}

function scroll(pixels) {
  const room = lanes.length * LANE - (plotBottom() - AXIS);
  view.top = Math.max(0, Math.min(view.top + pixels, room));
}

/** Moves as little as is needed to see a lane. */
function reveal(index) {
  const [above, below] = [index * LANE - view.top, (index + 1) * LANE - view.top - (plotBottom() - AXIS)];
  scroll(above < 0 ? above : Math.max(0, below));
}

/** Brings a record into sight, closer if it could not be told from its neighbours. */
function lookAt(place) {
  const ms = axis[place];
  if (ms < view.from || ms > view.to) look(ms - (view.to - view.from) / 2, ms + (view.to - view.from) / 2);
  if (told.marks.lane[place] >= 0) reveal(told.marks.lane[place]);
}
