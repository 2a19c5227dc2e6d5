// The graph: every line of every expression, over one range of time.
import { seriesOf } from "query/answers";
import { showLegend } from "query/legend";
import { el } from "query/markup";
import { letterOf, ownName, sharedLabels } from "query/series";
import { formatTime } from "query/times";

const { PALETTE, formatValue, isDark, points, seriesName } = window.portalFigures;

const FIRST_LINES = 100;
const MORE_LINES = 1000;
const TOLD_IN_TOOLTIP = 12;
const LEAST_DRAG = 6;

/** A graph with its legend. `onSelect(startMs, endMs)` is called for a drag, `onZoomOut()` for a double click. */
export class Graph {
  #element;
  #legend;
  #chart = null;
  #hidden = new Set();
  #drawn = null;
  #most = FIRST_LINES;
  #pointer = 0;
  #onSelect;

  constructor(element, legend, { onSelect, onZoomOut }) {
    this.#element = element;
    this.#legend = legend;
    this.#onSelect = onSelect;
    new ResizeObserver(() => this.#chart?.resize()).observe(element);
    new MutationObserver(() => this.#redraw()).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    element.addEventListener("dblclick", onZoomOut);
    this.#selectByDragging();
  }

  /** Draw the runs of `answers`; lines that were hidden stay so. */
  draw(answers, { stacked, unit }) {
    if (this.#drawn && this.#drawn.answers !== answers) this.#most = FIRST_LINES;
    this.#drawn = { answers, stacked, unit };
    this.#redraw();
  }

  clear() {
    this.#drawn = null;
    this.#chart?.clear();
    this.#legend.replaceChildren();
    delete this.#element.dataset.state;
  }

  #redraw() {
    if (!this.#drawn || this.#element.closest("[hidden]")) return;
    const { answers, stacked, unit } = this.#drawn;
    if (!this.#chart) {
      this.#chart = window.echarts.init(this.#element);
      this.#chart.getZr().on("mousemove", ({ offsetY }) => (this.#pointer = offsetY));
    }
    const { lines, total } = linesOf(answers, this.#most);
    const visible = lines.filter(({ id }) => !this.#hidden.has(id));
    this.#chart.setOption(this.#options(visible, answers.times, { stacked, unit }), true);
    showLegend(this.#legend, lines, {
      hidden: this.#hidden,
      unit,
      total,
      onChange: () => this.#redrawLines(),
      onPoint: (id) => this.#point(id),
      onMore: () => {
        this.#most = MORE_LINES;
        this.#redraw();
      },
    });
    this.#element.dataset.state = "drawn";
    this.#element.dataset.lines = visible.length;
  }

  #redrawLines() {
    const { answers, stacked, unit } = this.#drawn;
    const visible = linesOf(answers, this.#most).lines.filter(({ id }) => !this.#hidden.has(id));
    this.#chart.setOption(this.#options(visible, answers.times, { stacked, unit }), true);
    this.#element.dataset.lines = visible.length;
  }

  // One line stands out, or none does.
  #point(id) {
    const series = this.#chart.getOption().series.map((line) => ({
      id: line.id,
      lineStyle: { opacity: id === null || line.id === id ? 1 : 0.15, width: line.id === id ? 2.5 : 1.5 },
    }));
    if (series.length > 1) this.#chart.setOption({ series });
  }

  #options(lines, { start, end, step }, { stacked, unit }) {
    const ink = isDark() ? "#cbd5e1" : "#475569";
    const grid = isDark() ? "#1e293b" : "#e2e8f0";
    const paper = isDark() ? "#0f172a" : "#ffffff";
    return {
      animation: false,
      textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true },
      tooltip: {
        trigger: "axis",
        confine: true,
        enterable: false,
        transitionDuration: 0,
        backgroundColor: paper,
        borderColor: grid,
        textStyle: { color: ink, fontSize: 12 },
        axisPointer: { type: "cross", snap: false, lineStyle: { color: ink, type: "dashed" }, crossStyle: { color: ink }, label: { show: false } },
        formatter: (points) => this.#tooltip(points, lines, unit),
      },
      xAxis: {
        type: "time",
        min: start * 1000,
        max: end * 1000,
        axisLine: { lineStyle: { color: grid } },
        axisTick: { lineStyle: { color: grid } },
        axisLabel: { color: ink, hideOverlap: true },
        splitLine: { show: false },
      },
      yAxis: {
        type: "value",
        min: stacked ? 0 : undefined,
        scale: !stacked,
        axisLabel: { color: ink, formatter: (value) => formatValue(value, unit) },
        splitLine: { lineStyle: { color: grid } },
      },
      series: lines.map(({ id, name, colour, series }) => ({
        id,
        name,
        type: "line",
        color: colour,
        symbolSize: 5,
        showSymbol: series.values.length <= 2,
        lineStyle: { width: 1.5 },
        emphasis: { disabled: true },
        areaStyle: stacked ? { opacity: 0.35 } : undefined,
        stack: stacked ? "all" : undefined,
        data: points(series.values, step).map(([time, value]) => [time, Number.isFinite(value) ? value : null]),
      })),
    };
  }

  // The values of one time, the line under the pointer first, then from the top down.
  #tooltip(found, lines, unit) {
    const told = found.filter(({ value }) => value[1] !== null && value[1] !== undefined);
    if (!told.length) return "";
    const distance = ({ value }) => Math.abs(this.#chart.convertToPixel({ yAxisIndex: 0 }, value[1]) - this.#pointer);
    const nearest = told.reduce((best, each) => (distance(each) < distance(best) ? each : best));
    told.sort((a, b) => b.value[1] - a.value[1]);
    const place = told.indexOf(nearest);
    const first = Math.max(0, Math.min(place - TOLD_IN_TOOLTIP / 2, told.length - TOLD_IN_TOOLTIP));
    const rows = told.slice(first, first + TOLD_IN_TOOLTIP).map((each) =>
      el(
        "tr",
        { class: each === nearest && told.length > 1 ? "query-nearest" : "" },
        el("td", {}, el("span", { class: "query-swatch", style: `background:${each.color}` })),
        el("td", { class: "query-tip-name" }, each.seriesName),
        el("td", { class: "query-tip-value" }, formatValue(each.value[1], unit)),
      ),
    );
    const left = told.length - rows.length;
    const tip = el("div", { class: "query-tip" }, el("strong", {}, formatTime(told[0].value[0])), el("table", {}, ...rows));
    if (left > 0) tip.append(el("p", {}, `and ${left.toLocaleString("en-US")} more`));
    return tip;
  }

  #selectByDragging() {
    const band = el("div", { class: "query-band", hidden: true });
    let from = null;
    const across = (event) => {
      const box = this.#element.getBoundingClientRect();
      return Math.max(0, Math.min(event.clientX - box.left, box.width));
    };
    this.#element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.#drawn) return;
      from = across(event);
      this.#element.setPointerCapture(event.pointerId);
    });
    this.#element.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const to = across(event);
      if (!band.isConnected) this.#element.append(band);
      band.hidden = Math.abs(to - from) < LEAST_DRAG;
      band.style.left = `${Math.min(from, to)}px`;
      band.style.width = `${Math.abs(to - from)}px`;
    });
    const end = (event, isChosen) => {
      if (from === null) return;
      const [left, right] = [from, across(event)].sort((a, b) => a - b);
      from = null;
      band.hidden = true;
      if (!isChosen || right - left < LEAST_DRAG) return;
      const { start, end: last } = this.#drawn.answers.times;
      const time = (x) => Math.max(start * 1000, Math.min(this.#chart.convertFromPixel({ xAxisIndex: 0 }, x), last * 1000));
      const [first, second] = [time(left), time(right)];
      // Less than a few seconds shows nothing.
      if (second - first >= 2000) this.#onSelect(Math.round(first), Math.round(second));
    };
    this.#element.addEventListener("pointerup", (event) => end(event, true));
    this.#element.addEventListener("pointercancel", (event) => end(event, false));
  }
}

/** Return the lines that are drawn, at most `most`, and how many there are. */
function linesOf({ runs }, most) {
  const isOne = runs.length === 1;
  const all = runs.flatMap((run) => seriesOf(run).map((series) => ({ run, series })));
  const shared = sharedLabels(all.map(({ series }) => series.metric));
  const lines = all.slice(0, most).map(({ run, series }, number) => {
    const whole = seriesName(series.metric);
    const isBare = !Object.keys(series.metric).length;
    const name = isBare ? run.expr : ownName(series.metric, shared);
    return {
      id: `${run.place}:${whole}`,
      name: isOne ? name : `${letterOf(run.place)}: ${name}`,
      title: isBare ? run.expr : whole,
      colour: PALETTE[number % PALETTE.length],
      last: series.values.at(-1)?.[1] ?? null,
      series,
    };
  });
  return { lines, total: all.length };
}
