// How times and figures read.

const zone = told.zone ?? "UTC";

function formatter(options) {
  try {
    return new Intl.DateTimeFormat("en-GB", { hourCycle: "h23", timeZone: zone, ...options });
  } catch {
    // A zone this browser has not heard of.
    return new Intl.DateTimeFormat("en-GB", { hourCycle: "h23", timeZone: "UTC", timeZoneName: "short", ...options });
  }
}

const toDay = formatter({ day: "numeric", month: "short" });
const toDate = formatter({ day: "numeric", month: "short", year: "numeric" });
const toMinute = formatter({ hour: "2-digit", minute: "2-digit" });
const toSecond = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const toMs = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });

const day = (ms) => toDay.format(ms);
const clock = (ms) => toMs.format(ms);
const dateTime = (ms) => `${toDate.format(ms)}, ${toMs.format(ms)}`;
const number = (value) => value.toLocaleString("en-US");
const several = (n, one, many) => `${number(n)} ${n === 1 ? one : many}`;

/** `850 ms`, `4.2 s`, `12 min 5 s`, `3 h 7 min`, `2 d 4 h`. */
function span(ms) {
  const two = (large, unit, small, smallUnit) => `${number(large)} ${unit}` + (small ? ` ${small} ${smallUnit}` : "");
  const [s, min, h] = [1e3, 6e4, 3.6e6].map((unit) => Math.floor(ms / unit));
  if (ms < 1e3) return `${Math.round(ms)} ms`;
  if (ms < 6e4) return `${Math.floor(ms / 100) / 10} s`;
  if (ms < 3.6e6) return two(min, "min", s % 60, "s");
  if (ms < 8.64e7) return two(h, "h", min % 60, "min");
  return two(Math.floor(h / 24), "d", h % 24, "h");
}

function bytes(n) {
  if (n < 1024) return several(n, "byte", "bytes");
  return n < 1 << 20 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / (1 << 20)).toFixed(1)} MiB`;
}

/** What a bar means, in the words of `ls`. */
function standing(stands) {
  if (!stands) return "not registered";
  const turn = stands.turn && stands.phase === "live" ? `, turn ${stands.turn}` : "";
  return stands.phase + turn + (stands.armed ? ", armed" : "");
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1.5e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 9e5, 1.8e6, 3.6e6, 7.2e6,
  1.08e7, 2.16e7, 4.32e7, 8.64e7, 1.728e8, 6.048e8, 2.592e9, 7.776e9, 3.1536e10];

/** Milliseconds between two ticks that stand at least so far apart. */
const stepFor = (msMin) => STEPS.find((step) => step >= msMin) ?? STEPS.at(-1);

function tick(ms, step) {
  if (step >= 8.64e7) return day(ms);
  return (step >= 6e4 ? toMinute : step >= 1e3 ? toSecond : toMs).format(ms);
}

/** How far the zone is from UTC at a moment, so that ticks fall on its own hours and days. */
function zoneShift(ms) {
  const parts = formatter({ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" })
    .formatToParts(ms);
  const part = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  const local = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
  return local - Math.floor(ms / 1e3) * 1e3;
}
