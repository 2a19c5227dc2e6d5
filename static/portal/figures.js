// How numbers, series and colours are shown in all charts; classic scripts and modules use them.
window.portalFigures = (() => {
  "use strict";

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
        return Math.abs(value) < 1 ? String(Number(value.toPrecision(3))) : withPrefix(value, 1000, ["", " k", " M", " G", " T"]);
    }
  }

  function seriesName(metric, legend) {
    if (legend) return legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => metric[name] || "");
    const { __name__: name = "", ...labels } = metric;
    const inner = Object.entries(labels).map(([key, value]) => `${key}="${value}"`).join(", ");
    return `${name}${inner || !name ? `{${inner}}` : ""}`;
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

  return { PALETTE, formatValue, isDark, points, seriesName };
})();
