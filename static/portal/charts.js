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

  const { PALETTE, formatValue, isDark, points, seriesName } = window.portalFigures;
  const POINTS = 240;
  const MAX_SERIES = 50;

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
