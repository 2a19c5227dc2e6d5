// Names of series: what they have in common is told once, and each by what is its own.
const { seriesName } = window.portalFigures;

/** Return the letter by which an expression is called. */
export const letterOf = (place) => String.fromCharCode(65 + place);

/** Return the labels (and values) that all label sets have in common. */
export function sharedLabels(metrics) {
  const [first = {}, ...others] = metrics;
  if (!others.length) return {};
  return Object.fromEntries(Object.entries(first).filter(([name, value]) => others.every((metric) => metric[name] === value)));
}

/** Return a series' name without the labels that are told elsewhere. */
export function ownName(metric, shared) {
  const own = Object.fromEntries(Object.entries(metric).filter(([name]) => !(name in shared)));
  return Object.keys(own).length ? seriesName(own) : seriesName(metric);
}

/** Return every label name of some series: the metric's name first, the others in order. */
export function labelNames(metrics) {
  const names = new Set(metrics.flatMap((metric) => Object.keys(metric)));
  return [...names].sort((a, b) => (a === "__name__" ? -1 : b === "__name__" ? 1 : a < b ? -1 : 1));
}

/** Return a sample's value as a number. */
export const numberOf = (text) => Number(text.replace("Inf", "Infinity"));

/** Return a value as people read it; the exact one is for the title. */
export function readable(text, unit, digits = 7) {
  const value = numberOf(text);
  if (!Number.isFinite(value)) return text;
  if (unit) return window.portalFigures.formatValue(value, unit);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-6 || size >= 1e15)) return value.toExponential(4);
  return value.toLocaleString("en-US", { maximumSignificantDigits: Math.max(digits, Math.ceil(Math.log10(size + 1))) });
}
