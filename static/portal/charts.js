// Line charts of PromQL expressions: every element with `data-chart-expr` becomes one.
//
//   data-chart-expr    the expression
//   data-chart-range   seconds back from now (3600)
//   data-chart-unit    percent | ratio | bytes | seconds | per-second | '' (plain numbers)
//   data-chart-legend  text with {{label}} places; empty shows the whole label set
//   data-chart-stack   present: areas on top of each other
//   data-chart-refresh seconds between updates (0: none)
(() => {
  "use strict";

  const POINTS = 240;
  const MAX_SERIES = 50;
  const PALETTE = ["#0ea5e9", "#f97316", "#22c55e", "#a855f7", "#ef4444", "#eab308", "#14b8a6", "#ec4899", "#6366f1", "#84cc16"];

  const isDark = () => document.documentElement.classList.contains("dark");

  function withPrefix(value, base, units) {
    let size = Math.abs(value);
    let unit = 0;
    while (size >= base && unit < units.length - 1) {
      size /= base;
      unit += 1;
    }
    const digits = size >= 100 || size === Math.round(size) ? 0 : size >= 10 ? 1 : 2;
    return `${value < 0 ? "-" : ""}${size.toFixed(digits)}${units[unit]}`;
  }

  function formatSeconds(value) {
    const size = Math.abs(value);
    if (size === 0) return "0 s";
    if (size < 0.001) return `${(value * 1e6).toFixed(0)} µs`;
    if (size < 1) return `${(value * 1e3).toFixed(size < 0.01 ? 1 : 0)} ms`;
    if (size < 120) return `${value.toFixed(1)} s`;
    if (size < 7200) return `${(value / 60).toFixed(0)} min`;
    if (size < 172800) return `${(value / 3600).toFixed(1)} h`;
    return `${(value / 86400).toFixed(1)} d`;
  }

  function formatValue(value, unit) {
    if (!Number.isFinite(value)) return String(value);
    switch (unit) {
      case "percent":
        return `${value.toFixed(Math.abs(value) < 10 ? 1 : 0)} %`;
      case "ratio":
        return `${(value * 100).toFixed(1)} %`;
      case "bytes":
        return withPrefix(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB", " PiB"]);
      case "bytes-per-second":
        return withPrefix(value, 1024, [" B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s"]);
      case "seconds":
        return formatSeconds(value);
      case "per-second":
        return `${withPrefix(value, 1000, ["", " k", " M", " G"])}/s`;
      default:
        return Math.abs(value) < 1 && value !== 0 ? value.toPrecision(3) : withPrefix(value, 1000, ["", " k", " M", " G", " T"]);
    }
  }

  function seriesName(metric, legend) {
    if (legend) return legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => metric[name] || "");
    const { __name__: name = "", ...labels } = metric;
    const inner = Object.entries(labels).map(([key, value]) => `${key}="${value}"`).join(", ");
    return `${name}${inner || !name ? `{${inner}}` : ""}`;
  }

  function note(element, text, isError = false) {
    const box = element.querySelector(".portal-chart-note");
    box.textContent = text;
    box.hidden = !text;
    box.classList.toggle("portal-chart-note-error", isError);
  }

  async function load(element) {
    const range = Number(element.dataset.chartRange || 3600);
    const end = Math.floor(Date.now() / 1000);
    const step = Math.max(15, Math.ceil(range / POINTS / 15) * 15);
    const query = new URLSearchParams({ query: element.dataset.chartExpr, start: end - range, end, step });
    const response = await fetch(`/api/v1/query_range?${query}`, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
    const answer = await response.json();
    if (answer.status !== "success") throw new Error(answer.error || `the portal answered ${response.status}`);
    return { result: answer.data.result, start: end - range, end, step };
  }

  // Breaks the line where samples are missing instead of drawing across the gap.
  function points(values, step) {
    const drawn = [];
    let previous = null;
    for (const [time, text] of values) {
      if (previous !== null && time - previous > step * 1.5) drawn.push([(previous + step) * 1000, null]);
      drawn.push([time * 1000, Number(text.replace("Inf", "Infinity"))]);
      previous = time;
    }
    return drawn;
  }

  function options(element, { result, start, end, step }) {
    const { chartUnit: unit = "", chartLegend: legend = "" } = element.dataset;
    const isStacked = "chartStack" in element.dataset;
    const ink = isDark() ? "#cbd5e1" : "#475569";
    const grid = isDark() ? "#334155" : "#e2e8f0";
    const shown = result.slice(0, MAX_SERIES);
    return {
      animation: false,
      color: PALETTE,
      textStyle: { color: ink, fontFamily: "inherit" },
      grid: { left: 8, right: 16, top: 12, bottom: shown.length > 1 ? 36 : 8, containLabel: true },
      legend: {
        show: shown.length > 1,
        type: "scroll",
        bottom: 0,
        icon: "circle",
        // As high as the text: a scrolling legend cuts off what is higher than its items.
        itemHeight: 12,
        itemWidth: 10,
        textStyle: { color: ink },
        pageTextStyle: { color: ink },
        pageIconColor: ink,
      },
      tooltip: {
        trigger: "axis",
        confine: true,
        backgroundColor: isDark() ? "#0f172a" : "#ffffff",
        borderColor: grid,
        textStyle: { color: ink, fontSize: 12 },
        valueFormatter: (value) => formatValue(Number(value), unit),
      },
      xAxis: {
        type: "time",
        min: start * 1000,
        max: end * 1000,
        axisLine: { lineStyle: { color: grid } },
        axisLabel: { color: ink, hideOverlap: true },
        splitLine: { show: false },
      },
      yAxis: {
        type: "value",
        min: ["percent", "ratio"].includes(unit) || isStacked ? 0 : undefined,
        axisLabel: { color: ink, formatter: (value) => formatValue(value, unit) },
        splitLine: { lineStyle: { color: grid } },
      },
      series: shown.map(({ metric, values }) => ({
        name: seriesName(metric, legend),
        type: "line",
        showSymbol: values.length === 1,
        lineStyle: { width: 1.5 },
        areaStyle: isStacked ? { opacity: 0.35 } : undefined,
        stack: isStacked ? "all" : undefined,
        data: points(values, step),
      })),
    };
  }

  function start(element) {
    element.innerHTML = '<div class="portal-chart-canvas"></div><p class="portal-chart-note" role="status">Loading…</p>';
    const chart = window.echarts.init(element.querySelector(".portal-chart-canvas"));
    const draw = async () => {
      try {
        const loaded = await load(element);
        const hidden = loaded.result.length - MAX_SERIES;
        note(element, !loaded.result.length ? "No data in this time range." : hidden > 0 ? `The first ${MAX_SERIES} of ${loaded.result.length} series.` : "");
        chart.setOption(options(element, loaded), true);
        element.dataset.chartState = "drawn";
      } catch (error) {
        note(element, error.message, true);
        element.dataset.chartState = "failed";
      }
    };
    new ResizeObserver(() => chart.resize()).observe(element);
    new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    const refresh = Number(element.dataset.chartRefresh || 0);
    if (refresh) setInterval(() => document.hidden || draw(), refresh * 1000);
    draw();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-chart-expr]").forEach(start);
  });
})();
