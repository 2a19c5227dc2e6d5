// The timeline of a backtest: a row for each alert, a span for each time that it was pending or firing.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  const element = document.getElementById("backtest-timeline");
  const source = document.getElementById("backtest-timeline-data");
  if (!element || !source) return;
  const { isDark } = window.portalFigures;
  const { start, end, rows, flapping, spans } = JSON.parse(source.textContent);
  const ROW = 44;
  const BAR = 14;
  const FOOT = 84;
  const FIRING = "#dc2626";
  const PENDING = "#fbbf24";

  element.style.height = `${rows.length * ROW + FOOT}px`;
  const chart = window.echarts.init(element);
  const moment = (ms) => new Date(ms).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const escape = (text) => window.echarts.format.encodeHTML(text);
  const lasting = (ms) => {
    const seconds = Math.round(ms / 1000);
    if (seconds < 120) return `${seconds} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return seconds < 172800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86400).toFixed(1)} days`;
  };

  // Each span as the chart takes it: row, from, to, whether it fires, and where the whole episode stands.
  // What fires is drawn last, so that it lies on what is pending where both are narrow.
  const bars = spans.flatMap(([row, active, fired, over], place) => {
    const last = over ?? end;
    const pending = [row, active, fired ?? last, 0, place];
    return fired === null ? [pending] : [pending, [row, fired, last, 1, place]];
  }).sort((one, other) => one[3] - other[3]);

  function bar(params, api) {
    const row = api.value(0);
    const [from, y] = api.coord([api.value(1), row]);
    const [to] = api.coord([api.value(2), row]);
    const shape = window.echarts.graphic.clipRectByRect(
      // A short episode of a long time stays visible.
      { x: from, y: y + ROW / 2 - BAR - 4, width: Math.max(to - from, api.value(3) ? 2 : 1), height: BAR },
      params.coordSys,
    );
    return shape && { type: "rect", shape, style: { fill: api.value(3) ? FIRING : PENDING } };
  }

  function tooltip({ value }) {
    const [row, active, fired, over, peak] = spans[value[4]];
    const lines = [
      `<b>${escape(rows[row])}</b>${flapping[row] ? " (flaps)" : ""}`,
      `pending from ${moment(active)}`,
      fired === null ? "never fired" : `fired ${moment(fired)}, for ${lasting((over ?? end) - fired)}`,
      over === null ? "not over at the end" : `over ${moment(over)}`,
    ];
    if (peak) lines.push(`peak ${escape(peak)}`);
    return lines.join("<br>");
  }

  function draw() {
    const ink = isDark() ? "#cbd5e1" : "#475569";
    const grid = isDark() ? "#334155" : "#e2e8f0";
    chart.setOption({
      animation: false,
      textStyle: { color: ink, fontFamily: "inherit" },
      grid: { left: 8, right: 8, top: 0, bottom: FOOT },
      tooltip: { confine: true, backgroundColor: isDark() ? "#0f172a" : "#ffffff", borderColor: grid, textStyle: { color: ink, fontSize: 12 }, formatter: tooltip },
      xAxis: {
        type: "time",
        min: start,
        max: end,
        axisLine: { lineStyle: { color: grid } },
        axisLabel: { color: ink, hideOverlap: true },
        splitLine: { show: true, lineStyle: { color: grid, opacity: 0.6 } },
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: rows,
        z: 10,
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { show: true, lineStyle: { color: grid } },
        // Above its bars, so that a long label set has the whole width, on a phone too.
        axisLabel: {
          color: ink,
          inside: true,
          margin: 4,
          verticalAlign: "bottom",
          lineHeight: 18,
          width: element.clientWidth - 24,
          overflow: "truncate",
          formatter: (name, row) => (flapping[row] ? `${name}  (flaps)` : name),
        },
      },
      dataZoom: [
        { type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, filterMode: "weakFilter" },
        { type: "slider", height: 24, bottom: 12, borderColor: grid, textStyle: { color: ink }, filterMode: "weakFilter", labelFormatter: (ms) => moment(ms).replace(/:\d\d(?=\s|$)/, "") },
      ],
      series: [{ type: "custom", renderItem: bar, clip: true, encode: { x: [1, 2], y: 0 }, data: bars }],
    });
    element.dataset.state = "drawn";
    element.dataset.spans = String(bars.length);
  }

  chart.on("click", ({ value }) => {
    const [, active, , over] = spans[value[4]];
    const last = over ?? end;
    const around = Math.max(last - active, 1800000);
    const range = Math.ceil((last - active + 2 * around) / 60000);
    const query = new URLSearchParams({ expr: element.dataset.expr, range: `${range}m`, end: Math.floor((last + around) / 1000) });
    window.location.assign(`${element.dataset.queryUrl}?${query}`);
  });
  new ResizeObserver(() => {
    chart.resize();
    draw();
  }).observe(element);
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  draw();
});
