// Hands: mouse, wheel, keys and buttons. Each only changes what is in view or chosen; the picture is drawn once a frame.

let asked = false;

function changed() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    document.documentElement.dataset.drawMs = drawAll().toFixed(1);
    if (!byId("table").hidden) showTable();
  });
}

function measure() {
  const { width, height } = byId("stage").getBoundingClientRect();
  Object.assign(view, { width, height });
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  scroll(0);
  look(view.from, view.to);
  changed();
}

/** The mark under the pointer: the nearest of its lane, if it is near. */
function markAt(x, y) {
  const lane = laneAt(y);
  if (!lane || x < LABELS) return null;
  const near = clusters(lane).map((cluster) => ({ ...cluster, far: Math.abs(cluster.x - x) })).sort((a, b) => a.far - b.far);
  return near.length && near[0].far <= APART ? near[0] : null;
}

function hover(x, y) {
  const [lane, tip] = [laneAt(y), byId("tip")];
  tip.hidden = !lane || x < LABELS;
  canvas.style.cursor = markAt(x, y) ? "pointer" : "default";
  if (tip.hidden) return;
  tip.replaceChildren(...hovered(lane, x, y).map(([name, text]) => Object.assign(element(name === "b" ? "b" : "p", text), { className: name })));
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  tip.style.left = `${x + 16 + width > view.width ? x - width - 12 : x + 16}px`;
  tip.style.top = `${Math.max(4, Math.min(y + 18, view.height - height - 4))}px`;
}

function hovered(lane, x, y) {
  const mark = markAt(x, y);
  if (mark) {
    const more = mark.places > 1 ? ` · and ${several(mark.places - 1, "more mark", "more marks")} here` : "";
    return [["b", `${kindOf(mark.place).replaceAll("_", " ")} · ${lane.peer}`], ["says", saysOf(mark.place)],
      ["figures", `${dateTime(wall[mark.place])} · record ${number(lsnOf(mark.place))}${more}`]];
  }
  const ms = msOf(x);
  const gap = gapAt(ms);
  if (gap) return gapSays(gap);
  const bar = ms <= end && ms >= begin ? barAt(lane, ms) : null;
  if (!bar) return [["b", lane.peer], ["figures", dateTime(ms)]];
  const session = bar.wake ? ` · session ${number(bar.wake)}` : "";
  return [["b", `${lane.peer}: ${standing(bar.stands)}`], ["figures", `for ${span(bar.to - bar.from)}${session}`],
    ["figures", `${dateTime(bar.from)} to ${clock(bar.to)}`], ["figures", `here ${clock(ms)}`]];
}

function gapSays([from, to, what]) {
  const when = ["figures", `${dateTime(axis[from])} to ${clock(axis[to])}`];
  if (what === 2) return [["b", "cannot be read"], ["says", `records ${number(lsnOf(from) + 1)} to ${number(lsnOf(to) - 1)} cannot be read: nothing is claimed`], when];
  return [["b", "no daemon ran"], ["says", `${what ? "it had stopped" : "it was killed"}: nothing is claimed of these ${span(axis[to] - axis[from])}`], when];
}

let drag = null;

canvas.addEventListener("pointerdown", (event) => {
  drag = { x: event.offsetX, y: event.offsetY, moved: 0, onMap: event.offsetY >= plotBottom() };
  canvas.setPointerCapture(event.pointerId);
  if (drag.onMap) lookFromMap(event.offsetX);
});
canvas.addEventListener("pointermove", (event) => {
  if (!drag) return hover(event.offsetX, event.offsetY);
  if (drag.onMap) return lookFromMap(event.offsetX);
  const [dx, dy] = [event.offsetX - drag.x, event.offsetY - drag.y];
  drag.moved += Math.abs(dx) + Math.abs(dy);
  // A hand is never quite still: a click is no drag.
  if (drag.moved < 4) return;
  byId("tip").hidden = true;
  move(-dx);
  scroll(-dy);
  Object.assign(drag, { x: event.offsetX, y: event.offsetY });
  changed();
});
canvas.addEventListener("pointerup", (event) => {
  const clicked = drag && drag.moved < 4 && !drag.onMap;
  drag = null;
  if (!clicked) return;
  byId("tip").hidden = true;
  const [mark, lane] = [markAt(event.offsetX, event.offsetY), laneAt(event.offsetY)];
  if (mark) choose(mark.place);
  else if (lane) explainBar(lane, event.offsetX);
});
canvas.addEventListener("pointercancel", () => (drag = null));
canvas.addEventListener("pointerleave", () => (byId("tip").hidden = true));

/** A bar is explained by the record that made it so; where nothing is claimed nothing is explained. */
function explainBar(lane, x) {
  const bar = x >= LABELS && !gapAt(msOf(x)) && msOf(x) <= end ? barAt(lane, msOf(x)) : null;
  chooseLane(lane.index);
  if (bar?.stands && bar.stands !== NOT_KNOWN) choose(lane.from[bar.at]);
}

function lookFromMap(x) {
  const half = (view.to - view.from) / 2;
  const ms = begin + ((x - LABELS) / plotWidth()) * (end - begin);
  look(ms - half, ms + half);
  changed();
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const pixels = event.deltaMode === 1 ? 16 : 1;
  const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (event.shiftKey || event.offsetX < LABELS) scroll((event.deltaY || event.deltaX) * pixels);
  else if (sideways) move(event.deltaX * pixels);
  else zoom(Math.exp(event.deltaY * pixels * 0.0016), event.offsetX);
  hover(event.offsetX, event.offsetY);
  changed();
}, { passive: false });

const KEYS = [
  [["ArrowLeft", "ArrowRight"], "← →", "earlier, later", (key) => move(plotWidth() * (key === "ArrowLeft" ? -0.15 : 0.15))],
  [["ArrowUp", "ArrowDown"], "↑ ↓", "up and down through the peers", (key) => scroll(key === "ArrowUp" ? -LANE * 2 : LANE * 2)],
  [["+", "="], "+", "closer", () => zoom(0.6)],
  [["-"], "−", "further away", () => zoom(1 / 0.6)],
  [["0"], "0", "everything", fit],
  [["j", "k"], "j k", "next peer, peer before", (key) => chooseLane((chosen.lane?.index ?? 0) + (key === "j" ? 1 : -1))],
  [["n", "p"], "n p", "its next mark, the one before", (key) => step(key === "n" ? 1 : -1)],
  [["Enter"], "Enter", "why: explain the mark nearest to the middle", explainNearest],
  [["/"], "/", "search; Enter goes to the next find, Shift+Enter back", () => byId("search").focus()],
  [["t"], "t", "the same as a table", toggleTable],
  [["Escape"], "Esc", "close what is open", () => (byId("why").hidden ? byId("table").hidden || toggleTable() : close())],
  [["?"], "?", "this list", () => byId("help").showModal()],
];

document.addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  const typing = target === byId("search");
  const pressing = key === "Enter" && target instanceof HTMLButtonElement;
  if (ctrlKey || metaKey || altKey || typing || pressing || byId("help").open) return;
  const row = KEYS.find(([keys]) => keys.includes(key));
  if (!row) return;
  event.preventDefault();
  row[3](key);
  changed();
});

byId("search").addEventListener("input", ({ target }) => find(target.value));
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") nextFound(event.shiftKey ? -1 : 1);
  if (event.key === "Escape") canvas.focus();
});

const presses = { in: () => zoom(0.6), out: () => zoom(1 / 0.6), fit, close, "as-table": toggleTable, theme: () => setDark(!isDark()), "ask-help": () => byId("help").showModal() };
for (const [id, act] of Object.entries(presses)) byId(id).addEventListener("click", () => (act(), changed()));

const isDark = () => document.documentElement.classList.contains("dark");
function setDark(dark) {
  document.documentElement.classList.toggle("dark", dark);
  readColours();
  drawLegend();
  changed();
}

function drawLegend() {
  const phases = ["asleep", "waking", "running", "ended", "waiting", "error", "unknown", "reaping", "stopped", "quarantined", "external"];
  const turns = { running: "turn running", ended: "turn ended", waiting: "waits for a person", error: "turn in error", unknown: "turn not known" };
  const bar = (name) => legendItem(turns[name] ?? name, (on) => ((on.fillStyle = colours[name]), on.fillRect(0, name === "asleep" ? 5 : 3, 18, name === "asleep" ? 4 : 8)));
  const gap = legendItem("no daemon, or not readable: nothing claimed", (on) => ((on.fillStyle = hatching()), on.fillRect(0, 1, 18, 12)));
  const mark = (word) => legendItem(word, (on) => glyph(on, word, 9, 7));
  byId("legend").replaceChildren(...phases.map(bar), gap, ...RANK.map(mark));
}

function legendItem(text, draw) {
  const sample = Object.assign(document.createElement("canvas"), { width: 36, height: 28 });
  sample.setAttribute("aria-hidden", "true");
  const on = sample.getContext("2d");
  on.scale(2, 2);
  draw(on);
  return element("span", null, sample, text);
}

byId("keys").replaceChildren(...KEYS.flatMap(([, keys, text]) => [
  element("dt", null, ...keys.split(" ").map((key) => element("kbd", key))), element("dd", text),
]));
byId("range").textContent = count
  ? `${several(lanes.length, "peer", "peers")} · ${several(count, "record", "records")} · ${dateTime(begin)} to ${dateTime(end)} (${zone})`
  : "no records";
byId("notes").replaceChildren(...told.notes.map((note) => element("p", note)));
byId("notes").hidden = !told.notes.length;
fit();
setDark(matchMedia("(prefers-color-scheme: dark)").matches);
new ResizeObserver(measure).observe(byId("stage"));
measure();
// For whoever drives the page from outside: where things are.
window.picture = { xOf: (lsn) => xOf(axis[placeOf(lsn)]), yOf: (peer) => yOf(lanes.find((lane) => lane.peer === peer).index) + MARKS, view, chosen, drawAll, placeOf, lsnOf, choose };
document.documentElement.dataset.loadMs = performance.now().toFixed(0);
