// Runs of expressions: what each gave, or why it gave nothing.
import { ask, config } from "query/requests";
import { timesOf } from "query/state";

const MAX_SERIES = 10000;
const MAX_LINES = 1000;
const TRUNCATED = "results truncated due to limit";

/** Return the run of every expression that is to be run; a run has an `error`, or `data`, `warnings` and `infos`. */
export async function runAll(state, { signal }) {
  const times = timesOf(state);
  const places = state.exprs.map((_, place) => place).filter((place) => state.exprs[place].trim() && !state.hidden.includes(place));
  const runs = await Promise.all(places.map((place) => run(state.exprs[place], place, state.tab, times, signal)));
  return { times, tab: state.tab, runs };
}

async function run(expr, place, tab, times, signal) {
  const began = performance.now();
  const [url, parameters] = question(tab, expr, times);
  try {
    const answer = await ask(url, { method: "POST", parameters, signal });
    const { data, infos = [] } = answer;
    const warnings = tab === "explain" ? (answer.warnings ?? []).filter((warning) => warning !== TRUNCATED) : (answer.warnings ?? []);
    return { expr, place, data, warnings, infos, seconds: (performance.now() - began) / 1000 };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { expr, place, error, warnings: [], infos: [], seconds: (performance.now() - began) / 1000 };
  }
}

function question(tab, query, { start, end, step, at }) {
  switch (tab) {
    case "table":
      return [config.urls.query, { query, time: at, limit: MAX_SERIES }];
    case "explain":
      // The values are not shown, so one series of them is enough.
      return [config.urls.queryRange, { query, start, end, step, explain: 1, limit: 1 }];
    default:
      return [config.urls.queryRange, { query, start, end, step, limit: MAX_LINES }];
  }
}

/** Return the series of a run as `{metric, values}` or `{metric, value}`; a scalar or a string is one without labels. */
export function seriesOf({ data }) {
  if (!data?.resultType) return [];
  const { resultType, result } = data;
  return resultType === "scalar" || resultType === "string" ? [{ metric: {}, value: result }] : result;
}
