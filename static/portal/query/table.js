// The table: the series of one time with their labels and values; sorted, filtered, copied, saved.
import { seriesOf } from "query/answers";
import { counted, el, icon } from "query/markup";
import { labelNames, letterOf, numberOf, readable, sharedLabels } from "query/series";
import { formatTime } from "query/times";

const { seriesName } = window.portalFigures;

const ROWS = 200;
const MOST_COLUMNS = 10;
const SAMPLES_TOLD = 5;
const COMPARISON = /^(>=|<=|!=|==|=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)$/;
const compare = {
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "!=": (a, b) => a !== b,
  "==": (a, b) => a === b,
  "=": (a, b) => a === b,
};

/** A table of what the runs gave. */
export class Table {
  #element;
  #rows = [];
  #columns = [];
  #sort = null;
  #filter = "";
  #most = ROWS;
  #unit = "";
  #isOne = true;
  #at = 0;
  #shared = {};
  #body = el("tbody");
  #head = el("thead");
  #count = el("p", { class: "query-count portal-quiet", "aria-live": "polite" });

  constructor(element) {
    this.#element = element;
    window.matchMedia("(max-width: 40rem)").addEventListener("change", () => this.#build());
  }

  draw({ runs, times }, { unit }) {
    this.#unit = unit;
    this.#isOne = runs.length === 1;
    this.#at = times.at;
    this.#rows = runs.flatMap((run) => seriesOf(run).map((series) => rowOf(run, series)));
    this.#shared = sharedLabels(this.#rows.map(({ metric }) => metric));
    this.#most = ROWS;
    this.#build();
  }

  clear() {
    this.#rows = [];
    this.#element.replaceChildren();
    delete this.#element.dataset.state;
  }

  #build() {
    if (!this.#rows.length) return;
    const own = labelNames(this.#rows.map(({ metric }) => metric)).filter((name) => !(name in this.#shared));
    const isWide = own.length <= MOST_COLUMNS && !window.matchMedia("(max-width: 40rem)").matches;
    this.#columns = [
      ...(this.#isOne ? [] : [{ key: "letter", title: "Of", text: (row) => letterOf(row.place) }]),
      ...(isWide && own.length
        ? own.map((name) => ({ key: `label ${name}`, title: name === "__name__" ? "Metric" : name, text: (row) => row.metric[name] ?? "" }))
        : [{ key: "series", title: "Series", text: (row) => row.name, isCode: true }]),
      { key: "value", title: "Value", text: (row) => row.text, number: (row) => row.number },
    ];
    if (!this.#columns.some(({ key }) => key === this.#sort?.key)) this.#sort = null;
    const filter = el("input", {
      type: "search",
      class: "portal-field",
      placeholder: "Filter: text, or > 100",
      "aria-label": "Filter rows by text, or by value such as > 100",
      value: this.#filter,
      on: {
        input: () => {
          this.#filter = filter.value;
          this.#most = ROWS;
          this.#fill();
        },
      },
    });
    const tool = (name, words, act) => {
      const label = el("span", {}, words);
      return el("button", { type: "button", class: "query-tool", on: { click: () => act(label) } }, icon(name), label);
    };
    const shared = isWide && own.length ? Object.entries(this.#shared) : [];
    this.#element.replaceChildren(
      el(
        "div",
        { class: "query-table-tools" },
        filter,
        tool("content_copy", "Copy", (label) => this.#copy(label)),
        tool("download", "CSV", () => this.#save()),
        this.#count,
      ),
      ...(shared.length
        ? [el("p", { class: "query-shared portal-quiet" }, "All have ", ...shared.flatMap(([name, value]) => [el("code", {}, `${name}="${value}"`), " "]))]
        : []),
      el("div", { class: "portal-table-scroll" }, el("table", { class: "portal-table query-table" }, this.#head, this.#body)),
      el("div", { class: "query-more" }),
    );
    this.#fill();
    this.#element.dataset.state = "drawn";
  }

  #fill() {
    this.#head.replaceChildren(el("tr", {}, ...this.#columns.map((column) => this.#heading(column))));
    const found = this.#found();
    const shown = found.slice(0, this.#most);
    this.#body.replaceChildren(...shown.map((row) => el("tr", {}, ...this.#columns.map((column) => this.#cell(column, row)))));
    const words = found.length === this.#rows.length ? counted(found.length, "row") : `${found.length.toLocaleString("en-US")} of ${counted(this.#rows.length, "row")}`;
    this.#count.textContent = `${words} at ${formatTime(this.#at * 1000)}`;
    const more = this.#element.querySelector(".query-more");
    more.replaceChildren();
    if (found.length > shown.length) {
      more.append(
        `The first ${shown.length.toLocaleString("en-US")} are shown. `,
        el(
          "button",
          {
            type: "button",
            class: "portal-link",
            on: {
              click: () => {
                this.#most += ROWS;
                this.#fill();
              },
            },
          },
          `Show ${Math.min(ROWS, found.length - shown.length)} more`,
        ),
      );
    } else if (!found.length) {
      more.append("No row passes the filter.");
    }
  }

  #found() {
    const wanted = this.#filter.trim();
    const [, operator, number] = wanted.match(COMPARISON) ?? [];
    const text = wanted.toLowerCase();
    const passes = operator ? (row) => compare[operator](row.number, Number(number)) : (row) => row.searched.includes(text);
    const found = wanted ? this.#rows.filter(passes) : [...this.#rows];
    const column = this.#sort && this.#columns.find(({ key }) => key === this.#sort.key);
    if (!column) return found;
    const direction = this.#sort.isDown ? -1 : 1;
    const order = column.number
      ? (a, b) => direction * (a.number - b.number) || Number(Number.isNaN(a.number)) - Number(Number.isNaN(b.number))
      : (a, b) => direction * column.text(a).localeCompare(column.text(b), "en", { numeric: true });
    return found.sort(order);
  }

  #heading(column) {
    const isSorted = this.#sort?.key === column.key;
    const order = isSorted ? (this.#sort.isDown ? "descending" : "ascending") : "none";
    const arrow = isSorted ? (this.#sort.isDown ? "arrow_downward" : "arrow_upward") : "unfold_more";
    const next = () => {
      // Numbers are looked at from the largest; a third click gives the query's own order back.
      const first = Boolean(column.number);
      if (!isSorted) this.#sort = { key: column.key, isDown: first };
      else this.#sort = this.#sort.isDown === first ? { key: column.key, isDown: !first } : null;
      this.#fill();
      this.#head.querySelector(`[data-column="${CSS.escape(column.key)}"]`).focus();
    };
    return el(
      "th",
      { "aria-sort": order, class: column.number ? "portal-number" : "" },
      el("button", { type: "button", class: "query-sort", data: { column: column.key }, on: { click: next } }, column.title, icon(arrow)),
    );
  }

  #cell(column, row) {
    if (column.key !== "value") return el("td", {}, column.isCode ? el("code", {}, column.text(row)) : column.text(row));
    if (!row.samples) return el("td", { class: "portal-number", title: row.text }, row.isText ? row.text : readable(row.text, this.#unit));
    const lines = row.samples.map(([time, text]) => el("div", { title: text }, `${readable(text, this.#unit)} `, el("span", { class: "portal-quiet" }, `@ ${formatTime(time * 1000)}`)));
    const left = lines.length - SAMPLES_TOLD;
    const last = lines.slice(-SAMPLES_TOLD);
    if (left <= 0) return el("td", { class: "portal-number" }, ...last);
    const earlier = el("details", {}, el("summary", {}, `${counted(left, "earlier sample")}`), ...lines.slice(0, left));
    return el("td", { class: "portal-number" }, earlier, ...last);
  }

  async #copy(label) {
    let words = "Copied";
    try {
      await navigator.clipboard.writeText(this.#text("\t", (text) => text.replace(/[\t\n]/g, " ")));
    } catch {
      words = "Cannot copy";
    }
    label.textContent = words;
    setTimeout(() => (label.textContent = "Copy"), 1500);
  }

  #save() {
    const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const address = URL.createObjectURL(new Blob([this.#text(",", quoted)], { type: "text/csv" }));
    el("a", { href: address, download: `query-${formatTime(this.#at * 1000).replace(/[ :]/g, "-")}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  /** Return all rows that pass the filter, a line each (or for each sample), every label a column. */
  #text(separator, quoted) {
    const names = labelNames(this.#rows.map(({ metric }) => metric));
    const heads = [...(this.#isOne ? [] : ["expression"]), ...names, "timestamp", "value"];
    const lines = this.#found().flatMap((row) => {
      const labels = [...(this.#isOne ? [] : [row.expr]), ...names.map((name) => row.metric[name] ?? "")];
      const samples = row.samples ?? [[row.time, row.text]];
      return samples.map(([time, text]) => [...labels, String(time), text]);
    });
    return [heads, ...lines].map((cells) => cells.map(quoted).join(separator)).join("\n") + "\n";
  }
}

function rowOf(run, { metric, value, values }) {
  const [time, text] = value ?? values.at(-1);
  const isBare = !Object.keys(metric).length;
  const name = isBare ? run.expr : seriesName(metric);
  return {
    place: run.place,
    expr: run.expr,
    metric,
    name,
    time,
    text,
    isText: run.data.resultType === "string",
    number: run.data.resultType === "string" ? NaN : numberOf(text),
    samples: values,
    searched: `${name} ${text}`.toLowerCase(),
  };
}
