// The controls of the times: range, step, evaluation time, refresh.
import { byId } from "query/markup";
import { automaticStep } from "query/state";
import { formatDuration, formatSpan, fromField, parseDuration, toField, zoneName } from "query/times";

const LONGEST_RANGE = 10 * 365 * 86400;

/** The controls; `onChange(changes)` is called with the parts of the state that one has changed. */
export class TimeRange {
  #range = byId("query-range");
  #step = byId("query-step");
  #at = byId("query-at");
  #refresh = byId("query-refresh");
  #problem = byId("query-step-problem");
  #state = null;
  #onChange;

  constructor({ onChange }) {
    this.#onChange = onChange;
    byId("query-zone").textContent = `In your time: ${zoneName()}`;
    byId("query-back").addEventListener("click", () => this.#shift(-0.5));
    byId("query-forward").addEventListener("click", () => this.#shift(0.5));
    byId("query-zoom-out").addEventListener("click", () => this.zoomOut());
    byId("query-now").addEventListener("click", () => onChange({ end: null }));
    byId("query-absolute-apply").addEventListener("click", () => this.#apply());
    this.#range.querySelectorAll("[data-range]").forEach((button) => {
      button.addEventListener("click", () => {
        this.#range.open = false;
        onChange({ range: parseDuration(button.dataset.range), end: null });
      });
    });
    this.#range.addEventListener("toggle", () => this.#range.open && this.#fill());
    this.#range.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.#range.open = false;
        this.#range.querySelector("summary").focus();
      } else if (event.key === "Enter" && event.target.matches("input")) {
        event.preventDefault();
        this.#apply();
      }
    });
    document.addEventListener("click", (event) => {
      if (!this.#range.contains(event.target)) this.#range.open = false;
    });
    this.#step.addEventListener("change", () => this.#changeStep());
    this.#at.addEventListener("change", () => onChange({ at: fromField(this.#at.value) }));
    byId("query-at-clear").addEventListener("click", () => onChange({ at: null }));
    this.#refresh.addEventListener("change", () => onChange({ refresh: Number(this.#refresh.value) }));
  }

  /** Show a state. */
  show(state) {
    this.#state = state;
    const preset = this.#range.querySelector(`[data-range="${formatDuration(state.range)}"]`);
    const words = preset ? preset.textContent : `Last ${formatDuration(state.range)}`;
    byId("query-range-text").textContent = state.end === null ? words : formatSpan(state.end - state.range * 1000, state.end);
    byId("query-now").hidden = state.end === null;
    byId("query-forward").disabled = state.end === null;
    this.#step.value = state.step ? formatDuration(state.step) : "";
    this.#step.placeholder = `auto: ${formatDuration(automaticStep(state.range))}`;
    this.#at.value = state.at === null ? "" : toField(state.at);
    byId("query-at-clear").hidden = state.at === null;
    if (![...this.#refresh.options].some(({ value }) => Number(value) === state.refresh)) {
      this.#refresh.add(new Option(formatDuration(state.refresh), state.refresh));
    }
    this.#refresh.value = state.refresh;
    this.#refresh.disabled = state.end !== null;
    this.#problem.textContent = "";
  }

  /** Show twice as much, around the same middle. */
  zoomOut() {
    const { range, end } = this.#state;
    const longer = Math.min(range * 2, LONGEST_RANGE);
    const last = end === null ? null : end + ((longer - range) / 2) * 1000;
    this.#onChange({ range: longer, end: last !== null && last >= Date.now() ? null : last });
  }

  #shift(share) {
    const { range, end } = this.#state;
    const next = Math.round((end ?? Date.now()) + share * range * 1000);
    this.#onChange({ end: next >= Date.now() ? null : next });
  }

  #fill() {
    const end = this.#state.end ?? Date.now();
    byId("query-from").value = toField(end - this.#state.range * 1000);
    byId("query-to").value = toField(end);
    byId("query-absolute-problem").textContent = "";
    this.#range.querySelectorAll("[data-range]").forEach((button) => {
      const isChosen = this.#state.end === null && button.dataset.range === formatDuration(this.#state.range);
      button.setAttribute("aria-pressed", String(isChosen));
    });
  }

  #apply() {
    const [from, to] = [fromField(byId("query-from").value), fromField(byId("query-to").value)];
    let problem = "";
    if (from === null || to === null) problem = "Both times are needed.";
    else if (from >= to) problem = "The range must begin before it ends.";
    else if (to - from > LONGEST_RANGE * 1000) problem = "The range is longer than ten years.";
    byId("query-absolute-problem").textContent = problem;
    if (problem) return;
    this.#range.open = false;
    this.#onChange({ range: (to - from) / 1000, end: to });
  }

  #changeStep() {
    const text = this.#step.value.trim();
    const step = text === "" || text === "auto" ? null : parseDuration(text);
    if (text && text !== "auto" && !step) {
      this.#problem.textContent = "A step is a duration such as 30s, 5m or 1h.";
      return;
    }
    this.#problem.textContent = "";
    this.#onChange({ step });
  }
}
