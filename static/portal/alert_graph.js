// The graph on an alert's page: what the rule watches, its threshold, and what happened when.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  const element = document.getElementById("alert-graph");
  if (!element) return;
  const { PALETTE, formatValue, isDark, points, seriesName } = window.portalFigures;
  element.innerHTML = '<div class="portal-chart-canvas"></div><p class="portal-chart-note" role="status">Loading…</p>';
  const chart = window.echarts.init(element.querySelector(".portal-chart-canvas"));
  const note = element.querySelector(".portal-chart-note");

  const COLOURS = { state: "#94a3b8", fired: "#dc2626", resolved: "#16a34a", data: "#d97706", acknowledged: "#2563eb" };
  const IMPORTANCE = ["fired", "resolved", "acknowledged", "data", "state"];
  const SPANS = { pending: "rgba(217, 119, 6, 0.10)", firing: "rgba(220, 38, 38, 0.10)" };

  function say(text, isError = false) {
    note.textContent = text;
    note.hidden = !text;
    note.classList.toggle("portal-chart-note-error", isError);
  }

  function options(graph) {
    const ink = isDark() ? "#cbd5e1" : "#475569";
    const grid = isDark() ? "#334155" : "#e2e8f0";
    const paper = isDark() ? "#0f172a" : "#ffffff";
    const step = graph.step / 1000;
    const lines = graph.lines.map(({ labels, values }, number) => ({
      name: seriesName(labels, ""),
      type: "line",
      color: PALETTE[number % PALETTE.length],
      showSymbol: values.length <= 2,
      lineStyle: { width: 1.5 },
      data: points(values.map(([at, value]) => [at / 1000, String(value)]), step),
    }));
    const marks = graph.marks.filter(({ at }) => at >= graph.start && at <= graph.end);
    const width = element.clientWidth || 600;
    // A word for each that has the room, for the most important first.
    const taken = [];
    const place = (at) => ((at - graph.start) / (graph.end - graph.start || 1)) * width;
    const worded = new Set();
    for (const mark of [...marks].sort((a, b) => IMPORTANCE.indexOf(a.kind) - IMPORTANCE.indexOf(b.kind))) {
      const x = place(mark.at);
      const half = Math.min(mark.title.length, 24) * 3.2 + 4;
      if (taken.some(([from, to]) => x + half > from && x - half < to)) continue;
      taken.push([x - half, x + half]);
      worded.add(mark);
    }
    const shown = marks.map((mark) => {
      const { at, kind, title } = mark;
      const x = place(at);
      const hasRoom = worded.has(mark);
      return {
        xAxis: at,
        lineStyle: { color: COLOURS[kind] || ink, type: "solid", width: 1 },
        label: { show: hasRoom, formatter: title.length > 24 ? `${title.slice(0, 23)}…` : title, color: COLOURS[kind] || ink, fontSize: 11, position: "end", align: x > width - 60 ? "right" : x < 40 ? "left" : "center" },
      };
    });
    const values = lines.flatMap(({ data }) => data.map(([, value]) => value)).filter(Number.isFinite);
    if (graph.threshold !== null && Number.isFinite(graph.threshold)) {
      values.push(graph.threshold);
      shown.push({
        yAxis: graph.threshold,
        lineStyle: { color: "#dc2626", type: "dashed", width: 1.5 },
        label: { show: true, formatter: `${graph.operator} ${formatValue(graph.threshold, "")}`, color: "#dc2626", position: "insideStartTop", fontSize: 11 },
      });
    }
    const low = Math.min(...values);
    const high = Math.max(...values);
    const room = (high - low || Math.abs(high) || 1) * 0.1;
    return {
      animation: false,
      textStyle: { color: ink, fontFamily: "inherit" },
      grid: { left: 8, right: 20, top: 28, bottom: 8, containLabel: true },
      tooltip: {
        trigger: "axis",
        confine: true,
        backgroundColor: paper,
        borderColor: grid,
        textStyle: { color: ink, fontSize: 12 },
        valueFormatter: (value) => formatValue(Number(value), ""),
      },
      xAxis: { type: "time", min: graph.start, max: graph.end, axisLine: { lineStyle: { color: grid } }, axisLabel: { color: ink, hideOverlap: true }, splitLine: { show: false } },
      yAxis: {
        type: "value",
        min: values.length ? (low >= 0 && low - room < 0 ? 0 : low - room) : undefined,
        max: values.length ? high + room : undefined,
        axisLabel: { color: ink, showMinLabel: false, showMaxLabel: false, formatter: (value) => formatValue(value, "") },
        splitLine: { lineStyle: { color: grid } },
      },
      series: [
        ...lines,
        {
          // Carries what is no line; it has no values of its own.
          type: "line",
          data: [],
          silent: true,
          markLine: { symbol: "none", silent: true, animation: false, data: shown },
          markArea: { silent: true, data: graph.spans.map(({ state, from, to }) => [{ xAxis: Math.max(from, graph.start), itemStyle: { color: SPANS[state] } }, { xAxis: Math.min(to, graph.end) }]) },
        },
      ],
    };
  }

  let drawn = null;
  function redraw() {
    if (!drawn) return;
    chart.setOption(options(drawn), true);
    const hidden = drawn.line_count - drawn.lines.length;
    say(!drawn.lines.length ? "There is no data of these labels around this time." : hidden > 0 ? `The first ${drawn.lines.length} of ${drawn.line_count} series.` : "");
    element.dataset.lines = drawn.lines.length;
    element.dataset.state = "drawn";
  }

  async function load() {
    try {
      const response = await fetch(element.dataset.url, { headers: { "X-Requested-With": "XMLHttpRequest" } });
      const graph = await response.json();
      if (graph.problem) throw new Error(graph.problem);
      drawn = graph;
      redraw();
    } catch (error) {
      say(error.message, true);
      element.dataset.state = "failed";
    }
  }

  new ResizeObserver(() => {
    chart.resize();
    redraw();
  }).observe(element);
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  setInterval(() => document.hidden || load(), 30_000);
  load();
});
