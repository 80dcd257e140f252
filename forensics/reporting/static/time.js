// Times: shown in one zone at a time, typed as a prefix (2024-01, 2024-01-02 10:30) or a range (a..b).

const Zone = { name: "UTC", format: null };

function setZone(name) {
  Zone.name = name;
  Zone.format = name === "UTC" ? null : new Intl.DateTimeFormat("en-GB", {
    timeZone: name, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
}

function knownZone(name) {
  try { return new Intl.DateTimeFormat("en-GB", { timeZone: name }).resolvedOptions().timeZone !== ""; }
  catch { return false; }
}

// The wall clock of the zone at an instant, as if it were UTC, in ms.
function wall(ms) {
  if (!Zone.format) return ms;
  const part = {};
  for (const { type, value } of Zone.format.formatToParts(ms)) part[type] = Number(value);
  const whole = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
  return whole + (((ms % 1000) + 1000) % 1000);
}

// YYYY-MM-DD HH:MM:SS.mmm, with the ns when they are given.
function showTime(ms, rest) {
  if (Number.isNaN(ms)) return "";
  const text = new Date(Zone.format && Math.abs(ms) < 6.2e13 ? wall(ms) : ms).toISOString().slice(0, -1).replace("T", " ");
  return rest === undefined ? text : text + String(rest).padStart(6, "0");
}

// The instant of a wall clock: two steps reach it on both sides of a change of the clocks.
function instant(wallMs) {
  if (!Zone.format) return wallMs;
  const guess = wallMs - (wall(wallMs) - wallMs);
  return wallMs - (wall(guess) - guess);
}

const WRITTEN = /^(-?\d{4,6})(?:-(\d\d?)(?:-(\d\d?)(?:[ T](\d\d?)(?::(\d\d?)(?::(\d\d?)(?:\.(\d{1,9}))?)?)?)?)?)?Z?$/;

// What was typed, as the first and the last but one ms that it may mean; null if it is no time.
function span(text) {
  const match = WRITTEN.exec(text.trim());
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((word) => (word === undefined ? null : Number(word)));
  const from = [year, (month ?? 1) - 1, day ?? 1, hour ?? 0, minute ?? 0, second ?? 0];
  const last = [month, day, hour, minute, second].findIndex((word) => word === null);
  const next = from.slice();
  next[last < 0 ? 5 : last] += 1;
  const ms = match[7] === undefined ? 0 : Number(match[7].slice(0, 3).padEnd(3, "0"));
  const at = (parts) => { const date = new Date(Date.UTC(2000, ...parts.slice(1))); date.setUTCFullYear(parts[0] + date.getUTCFullYear() - 2000); return date.getTime(); };
  const start = instant(at(from)) + ms;
  return [start, match[7] === undefined ? instant(at(next)) : start + 10 ** (3 - Math.min(3, match[7].length))];
}

function timeTest(text) {
  const [left, right] = text.includes("..") ? text.split("..", 2) : [text, null];
  const from = left.trim() === "" ? [-Infinity, Infinity] : span(left);
  if (right === null) return from && ((ms) => ms >= from[0] && ms < from[1]);
  const to = right.trim() === "" ? [-Infinity, Infinity] : span(right);
  return from && to && ((ms) => ms >= from[0] && ms < to[1]);
}
