// What the page shows, all of it in its address: who opens the address sees the same.
import { formatDuration, parseDuration } from "query/times";

export const TABS = ["graph", "table", "explain"];
const DEFAULT_RANGE = 3600;
const POINTS = 250;

/**
 * exprs    the expressions, at least one
 * hidden   places of those that are not run
 * range    seconds
 * end      milliseconds, null for now
 * step     seconds, null for as many as the graph is wide
 * at       milliseconds at which the table looks, null for the end of the range
 * tab      one of TABS
 * stacked  whether lines stand on each other
 * unit     of static/portal/figures.js
 * refresh  seconds, 0 for never
 */
export function readState(search) {
  const asked = new URLSearchParams(search);
  const exprs = asked.getAll("expr");
  const time = (name) => (/^-?\d+(\.\d+)?$/.test(asked.get(name) || "") ? Math.round(Number(asked.get(name)) * 1000) : null);
  const tab = asked.get("tab");
  return {
    exprs: exprs.length ? exprs : [""],
    hidden: (asked.get("hidden") || "").split(",").filter(Boolean).map(Number),
    range: parseDuration(asked.get("range") || "") || DEFAULT_RANGE,
    end: time("end"),
    step: parseDuration(asked.get("step") || "") || null,
    at: time("at"),
    tab: TABS.includes(tab) ? tab : TABS[0],
    stacked: asked.get("stacked") === "1",
    unit: asked.get("unit") || "",
    refresh: Math.max(0, Number(asked.get("refresh")) || 0),
  };
}

/** Return the address's part behind the question mark; what is as usual is left out. */
export function writeState(state) {
  const parts = state.exprs.map((expr) => ["expr", expr]);
  const add = (name, value) => value && parts.push([name, String(value)]);
  add("hidden", state.hidden.join(","));
  if (state.range !== DEFAULT_RANGE) add("range", formatDuration(state.range));
  if (state.end !== null) add("end", state.end / 1000);
  if (state.step) add("step", formatDuration(state.step));
  if (state.at !== null) add("at", state.at / 1000);
  if (state.tab !== TABS[0]) add("tab", state.tab);
  add("stacked", state.stacked ? "1" : "");
  add("unit", state.unit);
  add("refresh", state.refresh);
  return new URLSearchParams(parts).toString();
}

/** Return the times that a run asks for, in seconds: start, end, step, and when the table looks. */
export function timesOf(state, nowMs = Date.now()) {
  const endMs = state.end ?? nowMs;
  const step = state.step || automaticStep(state.range);
  // Up to now, steps stand at round times: asking again moves no point, and rollups of 5 minutes answer exactly.
  const round = Math.min(step, 300);
  const end = state.end !== null ? endMs / 1000 : Math.floor(endMs / 1000 / round) * round;
  return { start: end - state.range, end, step, at: (state.at ?? endMs) / 1000 };
}

/** Return the step that gives a graph about as many points as it can show. */
export function automaticStep(range) {
  const wanted = range / POINTS;
  const round = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  return round.find((step) => step >= wanted) ?? Math.ceil(wanted / 86400) * 86400;
}
