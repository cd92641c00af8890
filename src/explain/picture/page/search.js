// Search: a peer goes to its lane, a number to its record; everything else is looked for in message ids, kinds and sentences.

const search = { words: "", found: [], at: -1 };

function textOf(place) {
  const parcel = parcelOf(place);
  return `${kindOf(place)} ${peerOf(place)} ${parcel < 0 ? "" : told.parcels.id[parcel]} ${saysOf(place)}`.toLowerCase();
}

function find(words) {
  const sought = words.trim().toLowerCase();
  Object.assign(search, { words: sought, found: [], at: -1 });
  const lane = sought && lanes.find(({ peer }) => peer === sought || peer.slice(peer.indexOf("-") + 1) === sought);
  // A message's id may be all digits, and is longer than any number of a record.
  const lsn = /^[0-9][0-9,]{0,19}$/.test(sought) ? placeOf(Number(sought.replaceAll(",", ""))) : -1;
  if (lsn >= 0) search.found.push(lsn);
  for (let place = 0; sought && place < count; place++) if (place !== lsn) if (textOf(place).includes(sought)) search.found.push(place);
  if (lane) chooseLane(lane.index);
  showFound();
}

function showFound() {
  const { words, found, at } = search;
  byId("found").textContent = !words ? "" : at < 0 ? several(found.length, "record", "records") : `${number(at + 1)} of ${number(found.length)}`;
}

/** The next find, or the one before; round and round. */
function nextFound(by) {
  const { found } = search;
  if (!found.length) return;
  search.at = search.at < 0 ? (by > 0 ? 0 : found.length - 1) : (search.at + by + found.length) % found.length;
  showFound();
  choose(found[search.at]);
}
