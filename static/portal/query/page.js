// The query page: what is asked, when it is asked again, and where the answer is shown.
import { runAll, seriesOf } from "query/answers";
import { showExplanation } from "query/explanation";
import { Expressions } from "query/expressions";
import { Graph } from "query/graph";
import { History } from "query/history";
import { byId, counted, el, icon } from "query/markup";
import { ask, config } from "query/requests";
import { letterOf } from "query/series";
import { readState, TABS, timesOf, writeState } from "query/state";
import { Table } from "query/table";
import { TimeRange } from "query/time_range";
import { formatDuration, formatTook } from "query/times";

let state = readState(location.search);
let answers = null;
let running = null;
let refreshing = 0;

const times = new TimeRange({ onChange: (changes) => change(changes) });
const history = new History({ onChoose: (expr) => takeUp(expr) });
const table = new Table(byId("query-panel-table"));
const graph = new Graph(byId("query-graph"), byId("query-legend"), {
  onSelect: (startMs, endMs) => change({ range: Math.round((endMs - startMs) / 1000), end: endMs }),
  onZoomOut: () => times.zoomOut(),
});
const expressions = new Expressions({
  onRun: () => change({}),
  onChange: () => clearTimeout(refreshing),
  onCheck: (answer) => {
    showNextSteps(answer);
    if (!byId("query-empty").hidden) showEmpty(true);
  },
});

/** Take over changes of the state, show and run it; the address follows, so that "back" undoes it. */
function change(changes) {
  state = { ...state, exprs: expressions.texts, hidden: expressions.hidden, ...changes };
  const search = writeState(state);
  if (`?${search}` !== location.search) window.history.pushState(null, "", `?${search}`);
  show();
  run({ isAsked: true });
}

/** Show the state in all controls. */
function show() {
  expressions.show(state.exprs, state.hidden);
  times.show(state);
  for (const tab of TABS) {
    const isChosen = tab === state.tab;
    const button = byId(`query-tab-${tab}`);
    button.setAttribute("aria-selected", String(isChosen));
    button.tabIndex = isChosen ? 0 : -1;
    byId(`query-panel-${tab}`).hidden = !isChosen;
  }
  document.querySelectorAll("[data-for-tab]").forEach((element) => {
    element.hidden = !element.dataset.forTab.split(" ").includes(state.tab);
  });
  byId("query-lines").setAttribute("aria-pressed", String(!state.stacked));
  byId("query-stacked").setAttribute("aria-pressed", String(state.stacked));
  byId("query-unit").value = state.unit;
}

/** Run the expressions and show what they give; what was shown stays until then. */
async function run({ isAsked = false } = {}) {
  running?.abort();
  clearTimeout(refreshing);
  const asked = state.exprs.filter((expr, place) => expr.trim() && !state.hidden.includes(place));
  if (!asked.length) {
    running = null;
    showStart();
    return;
  }
  const controller = (running = new AbortController());
  showRunning(true);
  try {
    answers = await runAll(state, controller);
  } catch (error) {
    if (running !== controller) return;
    running = null;
    showRunning(false);
    if (error.name !== "AbortError") throw error;
    byId("query-status").textContent = "Cancelled.";
    return;
  }
  if (running !== controller) return;
  running = null;
  showRunning(false);
  showAnswers();
  const answered = answers.runs.filter(({ error }) => !error).map(({ expr }) => expr);
  if (isAsked && answered.length) history.record(answered);
  if (state.refresh && state.end === null) refreshing = setTimeout(refresh, state.refresh * 1000);
}

function refresh() {
  // A page that nobody sees need not ask.
  if (document.hidden) document.addEventListener("visibilitychange", () => run(), { once: true });
  else run();
}

function showRunning(isRunning) {
  byId("query-run").disabled = isRunning;
  byId("query-cancel").hidden = byId("query-progress").hidden = !isRunning;
  document.querySelector(".query-result").setAttribute("aria-busy", String(isRunning));
  if (isRunning) {
    byId("query-start").hidden = true;
    byId("query-status").textContent = "Running…";
  }
}

function showStart() {
  answers = null;
  showRunning(false);
  byId("query-status").textContent = "";
  byId("query-notes").replaceChildren();
  byId("query-empty").hidden = true;
  byId("query-start").hidden = false;
  clearPanels();
}

function clearPanels() {
  graph.clear();
  table.clear();
  byId("query-panel-explain").replaceChildren();
  byId("query-panel-graph").classList.add("query-nothing");
}

function showAnswers() {
  const { runs, tab } = answers;
  const isOne = state.exprs.length === 1;
  byId("query-start").hidden = true;
  byId("query-notes").replaceChildren(...runs.flatMap((each) => notesOf(each, isOne)));
  for (const each of runs) {
    const notes = [...each.warnings.map((message) => ({ severity: "warning", message })), ...each.infos.map((message) => ({ severity: "info", message }))];
    expressions.editor(each.place)?.showNotes(notes);
  }
  const good = runs.filter(({ error }) => !error);
  const series = good.reduce((sum, each) => sum + seriesOf(each).length, 0);
  const isEmpty = good.length > 0 && tab !== "explain" && series === 0;
  clearPanels();
  showEmpty(isEmpty);
  byId("query-status").textContent = good.length ? statusOf(good, series) : "";
  if (!good.length || isEmpty) return;
  byId("query-panel-graph").classList.remove("query-nothing");
  showPanel();
}

function showPanel() {
  const good = { ...answers, runs: answers.runs.filter(({ error }) => !error) };
  if (answers.tab === "graph") graph.draw(good, state);
  else if (answers.tab === "table") table.draw(good, state);
  else showExplanation(byId("query-panel-explain"), good, { onPoint: (place, span) => expressions.editor(place)?.show(span) });
}

function statusOf(good, series) {
  const took = formatTook(Math.max(...good.map(({ seconds }) => seconds)));
  if (answers.tab === "explain") return `In steps of ${formatDuration(answers.times.step)}`;
  if (answers.tab === "table") return `${counted(series, "series", "series")} in ${took}`;
  return `${counted(series, "series", "series")} in steps of ${formatDuration(answers.times.step)}, in ${took}`;
}

function notesOf({ place, error, warnings, infos }, isOne) {
  const letter = isOne ? "" : el("span", { class: "query-letter" }, letterOf(place));
  const note = (kind, symbol, words, role) => el("div", { class: `query-note query-note-${kind}`, role }, icon(symbol), letter.cloneNode?.(true) ?? "", el("span", {}, words));
  if (error) {
    const box = note("error", "error", error.message.replace(/^invalid parameter "query": /, ""), "alert");
    // A range vector has no value at a step, but the table shows its samples.
    if (/^invalid expression type "(range vector|string)"/.test(error.message)) {
      box.append(el("button", { type: "button", class: "portal-link", on: { click: () => change({ tab: "table" }) } }, "Show it in the table"));
    }
    return [box];
  }
  return [
    ...warnings.map((words) => note("warning", "warning", words, "status")),
    ...infos.map((words) => note("info", "info", words, "status")),
  ];
}

function showEmpty(isEmpty) {
  const box = byId("query-empty");
  box.hidden = !isEmpty;
  if (!isEmpty) return;
  const isNow = state.tab === "table" && state.at === null && state.end === null;
  const unknown = expressions.unknownMetrics;
  let words = isNow ? "The graph shows whether there was something before." : "Look further back, or ask for fewer labels.";
  if (unknown.length) words = `No series of ${unknown.map((name) => `“${name}”`).join(" or ")} are stored.`;
  box.replaceChildren(
    el("span", { class: "material-symbols-outlined portal-empty-icon", "aria-hidden": "true" }, "search_off"),
    el("h2", { class: "portal-heading" }, isNow ? "Nothing matches right now" : "Nothing in this time"),
    el("p", {}, words),
  );
}

function showNextSteps(answer) {
  const links = answer?.links ?? [];
  const metrics = (answer?.metrics ?? []).filter(({ url }) => url).slice(0, 3);
  byId("query-next").replaceChildren(
    ...metrics.map(({ name, url }) => el("a", { class: "query-tool", href: url, title: `Explore ${name}` }, icon("list_alt"), el("span", { class: "query-tool-name" }, name))),
    ...links.map(({ title, icon: symbol, url }) => el("a", { class: "query-tool", href: url }, icon(symbol), title)),
  );
}

function takeUp(expr) {
  expressions.active.editor.text = expr;
  expressions.active.editor.focus();
  change({});
}

async function format() {
  try {
    const formatted = await Promise.all(
      expressions.texts.map(async (query) => (query.trim() ? (await ask(config.urls.format, { method: "POST", parameters: { query } })).data : query)),
    );
    expressions.show(formatted, expressions.hidden);
  } catch (error) {
    byId("query-status").textContent = error.message;
  }
}

async function share(event) {
  const label = event.currentTarget.querySelector("span:last-child");
  // Who opens the link sees these times, whenever that is.
  const end = state.end ?? Math.round(timesOf(state).end * 1000);
  const search = writeState({ ...state, exprs: expressions.texts, hidden: expressions.hidden, end, refresh: 0 });
  let words = "Copied";
  try {
    await navigator.clipboard.writeText(`${location.origin}${location.pathname}?${search}`);
  } catch {
    words = "Cannot copy";
  }
  label.textContent = words;
  setTimeout(() => (label.textContent = "Copy link"), 1500);
}

function start() {
  document.querySelectorAll("[data-live]").forEach((element) => (element.hidden = false));
  byId("query-form").addEventListener("submit", (event) => {
    event.preventDefault();
    change({});
  });
  byId("query-cancel").addEventListener("click", () => running?.abort());
  byId("query-format").addEventListener("click", format);
  byId("query-share").addEventListener("click", share);
  byId("query-lines").addEventListener("click", () => redraw({ stacked: false }));
  byId("query-stacked").addEventListener("click", () => redraw({ stacked: true }));
  byId("query-unit").addEventListener("change", (event) => redraw({ unit: event.target.value }));
  document.querySelectorAll("[data-example]").forEach((button) => button.addEventListener("click", () => takeUp(button.dataset.example)));
  const tabs = TABS.map((tab) => byId(`query-tab-${tab}`));
  tabs.forEach((button, place) => {
    button.addEventListener("click", () => change({ tab: button.dataset.tab }));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(place + step + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  });
  window.addEventListener("popstate", () => {
    state = readState(location.search);
    show();
    run();
  });
  show();
  // On a phone the keyboard would cover what one has come to see.
  if (!window.matchMedia("(pointer: coarse)").matches) expressions.active.editor.focus();
  run({ isAsked: true });
}

/** Show the same answers in another way. */
function redraw(changes) {
  state = { ...state, ...changes };
  window.history.replaceState(null, "", `?${writeState({ ...readState(location.search), ...changes })}`);
  show();
  if (answers && answers.tab === state.tab) showPanel();
}

start();
