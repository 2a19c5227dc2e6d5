// Times and durations: as PromQL writes them, as people read them, as fields of the browser take them.

const UNITS = [
  ["y", 31536000],
  ["w", 604800],
  ["d", 86400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
  ["ms", 0.001],
];

/** Return the seconds of a duration such as `1h30m`, `15s` or plain seconds; null when it is none. */
export function parseDuration(text) {
  const plain = text.trim();
  if (/^\d+(\.\d+)?$/.test(plain)) return Number(plain);
  if (!/^(\d+(ms|[ywdhms]))+$/.test(plain)) return null;
  let seconds = 0;
  for (const [, number, unit] of plain.matchAll(/(\d+)(ms|[ywdhms])/g)) {
    seconds += Number(number) * UNITS.find(([name]) => name === unit)[1];
  }
  return Math.round(seconds * 1000) / 1000;
}

/** Return a duration of seconds as PromQL writes it: `1h30m`. */
export function formatDuration(seconds) {
  let left = Math.round(seconds * 1000);
  let text = "";
  for (const [unit, size] of UNITS.filter(([name]) => name !== "y" && name !== "w")) {
    const count = Math.floor(left / (size * 1000));
    if (count) text += `${count}${unit}`;
    left -= count * size * 1000;
  }
  return text || "0s";
}

/** Return how long something took, in words. */
export function formatTook(seconds) {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}

const two = (number) => String(number).padStart(2, "0");

/** Return a time as a field of type datetime-local takes it: the browser's own time. */
export function toField(ms) {
  const time = new Date(ms);
  return (
    `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}` +
    `T${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  );
}

/** Return the milliseconds of a datetime-local field, null when it is empty or wrong. */
export function fromField(text) {
  const ms = text ? new Date(text).getTime() : NaN;
  return Number.isFinite(ms) ? ms : null;
}

/** Return a time in full, with seconds. */
export const formatTime = (ms) => toField(ms).replace("T", " ");

/** Return a range of time, the day told once where it is the same. */
export function formatSpan(startMs, endMs) {
  const [from, to] = [formatTime(startMs), formatTime(endMs)].map((text) => text.replace(/:00$/, ""));
  return from.slice(0, 10) === to.slice(0, 10) ? `${from} – ${to.slice(11)}` : `${from} – ${to}`;
}

/** Return the name of the browser's time zone with its distance to UTC. */
export function zoneName() {
  const minutes = -new Date().getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  const distance = `UTC${minutes ? `${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}` : ""}`;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name && name !== "UTC" ? `${name}, ${distance}` : distance;
}

/** Return how long ago a time was, roughly. */
export function ago(ms) {
  const seconds = Math.max(0, (Date.now() - ms) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}
