// What is chosen, and what is said of it. Everything from the history is set as text, never as markup.

const chosen = { lane: lanes[0] ?? null, place: null };
const byId = (id) => document.getElementById(id);
/** Links of a chain beyond these are only counted. */
const CHAIN_MAX = 300;
const ROWS_MAX = 500;

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  made.append(...children);
  return made;
}

function figures(list, rows) {
  const said = rows.filter(([, value]) => value !== "" && value !== null);
  list.replaceChildren(...said.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

/** A record one can go to. */
function recordRow(place) {
  const head = `${number(lsnOf(place))} · ${clock(wall[place])} · ${kindOf(place)}${peerOf(place) && ` · ${peerOf(place)}`}`;
  const button = element("button", null, element("small", head), saysOf(place));
  if (place === chosen.place) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => choose(place));
  const settings = settingsOf(place);
  return element("li", null, button, ...(settings ? [Object.assign(element("small", `[${settings}]`), { className: "settings" })] : []));
}

function gapRow(says, when) {
  return Object.assign(element("li", null, element("b", "NOT KNOWN "), says, element("small", when)), { className: "gap" });
}

/** What is not known between a record of a chain and the one before it, or from where it begins. */
function gapRows(place, before, begin, beside) {
  const between = told.gaps.filter(([from, to]) => from >= (before ?? begin) && to <= place);
  const spans = between.map((gap) => {
    const [, [, says], [, when]] = gapSays(gap);
    return [gap[1], `${gap[2] === 2 ? "" : "no daemon ran: "}${says}`, when];
  });
  const said = beside.filter(([at]) => at <= place && at > (before ?? -1)).map(([at, says]) => [at, says, clock(wall[at])]);
  return [...spans, ...said].sort(([a], [b]) => b - a).map(([, says, when]) => gapRow(says, when));
}

function records(list, places, gaps = false) {
  const [begin, beside] = gaps ? [beginOf(places), untold(places)] : [0, []];
  const rows = places.slice(0, CHAIN_MAX).flatMap((place, at) => {
    return gaps ? [recordRow(place), ...gapRows(place, places[at + 1], begin, beside)] : [recordRow(place)];
  });
  list.replaceChildren(...rows);
  if (places.length > CHAIN_MAX) list.append(element("li", `and ${several(places.length - CHAIN_MAX, "more record", "more records")}`));
}

/** Explains a record: its own figures, the chain of what led to it, and the message it is about. */
function choose(place) {
  chosen.place = place;
  chosen.lane = lanes[told.marks.lane[place]] ?? chosen.lane;
  lookAt(place);
  const { places, before } = chainOf(place);
  byId("subject").textContent = `Record ${number(lsnOf(place))}: ${kindOf(place).replaceAll("_", " ")}`;
  const wake = wakeOf(place);
  figures(byId("figures"), [["at", dateTime(wall[place])], ["peer", peerOf(place)], ["session", wake ? number(wake) : ""], ["by", actorOf(place)]]);
  records(byId("chain"), places, true);
  if (before.length) byId("chain").append(element("li", `${several(before.length, "reason is", "reasons are")} not in this picture: ${before.join(", ")}`));
  showMessage(parcelOf(place));
  byId("why").hidden = false;
  say(`${kindOf(place).replaceAll("_", " ")}, ${peerOf(place)}: ${saysOf(place)}. ${several(places.length, "record", "records")} in its chain.`);
  changed();
}

function showMessage(parcel) {
  byId("message").hidden = parcel < 0;
  if (parcel < 0) return;
  const { id, from, to, topic, bytes: size, answers, accepted, delivered } = told.parcels;
  const [sent, came] = [accepted[parcel], delivered[parcel]];
  figures(byId("message-figures"), [
    ["id", id[parcel]], ["from", told.texts[from[parcel]]], ["to", told.texts[to[parcel]]],
    ["topic", topic[parcel] < 0 ? "" : told.texts[topic[parcel]]],
    ["answers", answers[parcel] < 0 ? "" : told.texts[answers[parcel]]],
    ["size", told.texts[from[parcel]] && bytes(size[parcel])],
    ["waited", sent < 0 || came < 0 ? "" : span(Math.max(0, wall[came] - wall[sent]))],
    ["taken by", came < 0 || !wakeOf(came) ? "" : `session ${number(wakeOf(came))} of ${peerOf(came)}`],
  ]);
  const about = [];
  for (let place = 0; place < count; place++) if (parcelOf(place) === parcel) about.push(place);
  records(byId("message-records"), about);
}

function close() {
  chosen.place = null;
  byId("why").hidden = true;
  canvas.focus();
  changed();
}

/** Told to whoever cannot see the picture. */
function say(text) {
  byId("said").textContent = text;
}

function chooseLane(index) {
  const lane = lanes[Math.max(0, Math.min(index, lanes.length - 1))];
  if (!lane) return;
  chosen.lane = lane;
  reveal(lane.index);
  const bar = barAt(lane, (view.from + view.to) / 2);
  say(`${lane.peer}: ${bar ? standing(bar.stands) : "not registered"} in the middle of the view, ${several(lane.records.length, "record", "records")} in all`);
  changed();
}

/** The record of the chosen lane that comes next, or the one before; marks first, for they are what is seen. */
function step(by) {
  const drawn = chosen.lane?.drawn ?? [];
  if (!drawn.length) return;
  const middle = (view.from + view.to) / 2;
  const here = chosen.place === null ? firstNotBelow(drawn.length, middle, (at) => axis[drawn[at]]) - (by > 0 ? 1 : 0)
    : firstNotBelow(drawn.length, chosen.place, (at) => drawn[at]) - (by > 0 && !drawn.includes(chosen.place) ? 1 : 0);
  choose(drawn[Math.max(0, Math.min(here + by, drawn.length - 1))]);
}

/** Explains the mark nearest to the middle of the view. */
function explainNearest() {
  if (chosen.place !== null) return choose(chosen.place);
  const drawn = chosen.lane?.drawn ?? [];
  const middle = (view.from + view.to) / 2;
  const after = firstNotBelow(drawn.length, middle, (at) => axis[drawn[at]]);
  const near = [drawn[after - 1], drawn[after]].filter((place) => place !== undefined);
  near.sort((a, b) => Math.abs(axis[a] - middle) - Math.abs(axis[b] - middle));
  if (near.length) choose(near[0]);
}

function table(caption, heading, rows) {
  const head = element("tr", null, ...heading.map((cell) => Object.assign(element("th", cell), { scope: "col" })));
  return element("table", null, element("caption", caption), element("thead", null, head), element("tbody", null, ...rows));
}

function cells(values, classes) {
  return element("tr", null, ...values.map((value, at) => Object.assign(element("td", String(value)), { className: classes[at] ?? "" })));
}

/** The picture for who cannot see it, or would rather read: what each peer was at the end, and the chosen one's records. */
function showTable() {
  const peers = lanes.map((lane) => {
    const bar = lane.from.length ? barOf(lane, lane.from.length - 1) : null;
    const deaths = lane.drawn.filter((place) => lookOf(place) === LOOK.death).length;
    return cells([lane.peer, bar ? standing(bar.stands) : "", bar ? dateTime(bar.from) : "", number(lane.parcels.length), number(deaths)], ["", "", "time", "number", "number"]);
  });
  const seen = (chosen.lane?.records ?? []).filter((place) => axis[place] >= view.from && axis[place] <= view.to);
  const rows = seen.slice(0, ROWS_MAX).map((place) => cells([number(lsnOf(place)), dateTime(wall[place]), kindOf(place), saysOf(place)], ["number", "time", "kind"]));
  const of = seen.length > ROWS_MAX ? `the first ${ROWS_MAX} of ${number(seen.length)}` : number(seen.length);
  byId("table").replaceChildren(
    table(`Records of ${chosen.lane?.peer ?? "nobody"} in view: ${of}`, ["record", "at", "kind", "what"], rows),
    table("Peers, as they stood at the end", ["peer", "phase", "since", "messages", "deaths"], peers),
  );
}

function toggleTable() {
  const shown = byId("table").hidden;
  byId("table").hidden = !shown;
  byId("as-table").setAttribute("aria-expanded", String(shown));
  changed();
}
