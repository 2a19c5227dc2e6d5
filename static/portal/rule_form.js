// The form of a rule while it is being filled in: the PromQL that it means, what it would do now, and
// the names that its fields offer. The server compiles and evaluates, so that what is shown is what
// will be saved.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  const WAIT_MS = 350;
  const form = document.getElementById("rule_form");
  const region = document.getElementById("rule-preview");
  if (!form || !region) return;
  const { PALETTE, formatValue, isDark, seriesName } = window.portalFigures;
  const byId = (id) => document.getElementById(id);

  /* The preview. */

  let timer;
  let running = null;
  let graph = null;
  let chart = null;

  async function preview() {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const body = new FormData(form);
    body.set("preview-rule", region.dataset.rule);
    region.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(region.dataset.url, { method: "POST", body, signal });
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      show(await response.json());
    } catch (error) {
      if (error.name === "AbortError") return;
      byId("rule-preview-words").textContent = "The portal did not answer; the next change tries again.";
    }
    region.removeAttribute("aria-busy");
  }

  function show(answer) {
    const promql = byId("rule-promql");
    if (promql) {
      promql.textContent = answer.expr || answer.problem;
      promql.classList.toggle("portal-promql-problem", !answer.expr);
      byId("rule-resolve-promql").textContent = answer.resolve_expr;
      byId("rule-resolution").hidden = !answer.resolve_expr;
    }
    byId("rule-preview-words").innerHTML = answer.html;
    graph = answer.graph;
    draw();
    region.dataset.state = answer.expr ? "shown" : "unfinished";
  }

  /* Its graph. */

  function draw() {
    const element = byId("rule-graph");
    element.hidden = !graph?.lines.length;
    if (element.hidden) return;
    if (!chart) {
      chart = window.echarts.init(element);
      new ResizeObserver(() => element.hidden || chart.resize()).observe(element);
    }
    chart.resize();
    chart.setOption(options(graph), true);
    element.dataset.lines = graph.lines.length;
    element.dataset.levels = graph.levels.length;
  }

  // JSON has no infinities; a gap is where they are.
  const drawable = (value) => (typeof value === "number" ? value : null);

  function points({ times, values }, step) {
    return times.flatMap((time, place) => {
      const gap = place && time - times[place - 1] > step * 1.5 ? [[times[place - 1] + step, null]] : [];
      return [...gap, [time, drawable(values[place])]];
    });
  }

  function options({ start, end, step, levels, lines }) {
    const ink = isDark() ? "#cbd5e1" : "#475569";
    const grid = isDark() ? "#334155" : "#e2e8f0";
    const fires = isDark() ? "#f87171" : "#dc2626";
    const resolves = isDark() ? "#4ade80" : "#15803d";
    const drawn = levels.filter(({ value }) => typeof value === "number");
    const lowest = Math.min(...drawn.map(({ value }) => value));
    const highest = Math.max(...drawn.map(({ value }) => value));
    return {
      animation: false,
      color: PALETTE,
      textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 16, top: 20, bottom: 8, containLabel: true },
      tooltip: {
        trigger: "axis",
        confine: true,
        backgroundColor: isDark() ? "#0f172a" : "#ffffff",
        borderColor: grid,
        textStyle: { color: ink, fontSize: 12 },
        valueFormatter: (value) => (value === null || value === undefined ? "–" : formatValue(Number(value), "")),
      },
      xAxis: {
        type: "time",
        min: start,
        max: end,
        axisLine: { lineStyle: { color: grid } },
        axisLabel: { color: ink, hideOverlap: true },
        splitLine: { show: false },
      },
      yAxis: {
        type: "value",
        scale: true,
        // A threshold is in sight however far the values are from it.
        min: ({ min, max }) => (lowest < min ? lowest - (max - lowest) / 20 : null),
        max: ({ min, max }) => (highest > max ? highest + (highest - min) / 20 : null),
        axisLabel: { color: ink, formatter: (value) => formatValue(value, "") },
        splitLine: { lineStyle: { color: grid } },
      },
      series: [
        ...lines.map((line) => ({
          name: seriesName(line.labels),
          type: "line",
          showSymbol: line.times.length === 1,
          lineStyle: { width: 1.5 },
          data: points(line, step),
        })),
        {
          name: "thresholds",
          type: "line",
          data: [],
          tooltip: { show: false },
          markLine: {
            symbol: "none",
            silent: true,
            animation: false,
            data: drawn.map((level) => ({
              yAxis: level.value,
              lineStyle: { color: level.resolves ? resolves : fires, type: "dashed", width: 1.5 },
              label: { formatter: level.words, position: level.resolves ? "insideStartBottom" : "insideStartTop", color: level.resolves ? resolves : fires },
            })),
          },
        },
      ],
    };
  }

  /* Names that fields offer. */

  const LISTS = { "metric-names": "metrics", "label-names": "label-names", "label-values": "label-values" };
  let asked = 0;

  async function offer(field) {
    const list = field.getAttribute("list");
    const kind = LISTS[list];
    if (!kind) return;
    const metric = form.elements.metric.value.trim();
    const query = new URLSearchParams({ typed: field.value });
    if (kind !== "metrics") query.set("selector", metric);
    if (kind === "label-values") query.set("label", field.closest("[data-row]").querySelector("[name$='-label']").value.trim());
    const turn = ++asked;
    try {
      const response = await fetch(`${region.dataset.completeUrl.replace("KIND", kind)}?${query}`);
      const { found } = await response.json();
      if (turn !== asked) return;
      byId(list).replaceChildren(...found.map(({ text, help }) => Object.assign(document.createElement("option"), { value: text, label: help || "" })));
    } catch {
      // A help only: without it one types on.
    }
  }

  let offering;
  form.addEventListener("focusin", ({ target }) => target.matches("input[list]") && offer(target));
  form.addEventListener("input", ({ target }) => {
    if (!target.matches("input[list]")) return;
    clearTimeout(offering);
    offering = setTimeout(() => offer(target), 150);
  });

  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(preview, WAIT_MS);
  };
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  // Select2 tells jQuery alone.
  window.django?.jQuery?.(form).on("change", later);
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  preview();
});
