// Where the time of a query went: its parts as a tree, each with a bar of its share.
import { counted, el } from "query/markup";
import { spanOf } from "query/places";
import { letterOf } from "query/series";
import { formatTook } from "query/times";

/** Show the explanations of runs; `onPoint(place, span)` is called with the part that one looks at, or null. */
export function showExplanation(element, { runs }, { onPoint }) {
  const isOne = runs.length === 1;
  element.replaceChildren(...runs.filter(({ data }) => data).map((run) => section(run, isOne, onPoint)));
  element.dataset.state = "drawn";
}

function section(run, isOne, onPoint) {
  const root = run.data.explanation;
  const whole = root.seconds || 1e-9;
  const rows = flat(root).map(({ node, depth }) => row(node, depth, whole, (part) => onPoint(run.place, part && spanOf(run.expr, part))));
  const headings = [
    ["Part", ""],
    ["Itself", "portal-number"],
    ["With its parts", "portal-number"],
    ["Series", "portal-number"],
    ["Values", "portal-number"],
    ["Samples read", "portal-number"],
  ];
  return el(
    "section",
    { class: "query-explained" },
    el(
      "p",
      { class: "query-explained-words" },
      isOne ? "" : el("span", { class: "query-letter" }, letterOf(run.place)),
      `${formatTook(root.seconds)} for ${counted(root.series, "series", "series")} of ${counted(root.points, "value")}, from ${counted(root.samples, "sample")}.`,
    ),
    el(
      "div",
      { class: "portal-table-scroll" },
      el(
        "table",
        { class: "portal-table query-explained-table" },
        el("thead", {}, el("tr", {}, ...headings.map(([title, style]) => el("th", { class: style, scope: "col" }, title)))),
        el("tbody", {}, ...rows),
      ),
    ),
  );
}

function flat(node, depth = 0) {
  return [{ node, depth }, ...node.children.flatMap((child) => flat(child, depth + 1))];
}

function row(node, depth, whole, point) {
  const share = (seconds) => `${Math.min(100, (100 * seconds) / whole).toFixed(1)}%`;
  // Where all are samples as they came in, the number above says it.
  const told = Object.keys(node.sources).some((source) => source !== "samples") ? Object.entries(node.sources) : [];
  const sources = told.map(([source, count]) => `${count.toLocaleString("en-US")} ${source}`);
  return el(
    "tr",
    {
      tabindex: "0",
      on: { mouseenter: () => point(node), focus: () => point(node), mouseleave: () => point(null), blur: () => point(null) },
    },
    el(
      "td",
      { style: `--depth:${depth}` },
      el("div", { class: "query-part" }, el("code", { title: node.text }, node.text), el("span", { class: "portal-quiet" }, node.kind)),
      el(
        "div",
        { class: "query-share", "aria-hidden": "true" },
        el("span", { class: "query-share-all", style: `width:${share(node.seconds)}` }),
        el("span", { class: "query-share-own", style: `width:${share(node.ownSeconds)}` }),
      ),
    ),
    el("td", { class: "portal-number" }, formatTook(node.ownSeconds), el("span", { class: "portal-quiet" }, ` ${share(node.ownSeconds)}`)),
    el("td", { class: "portal-number" }, formatTook(node.seconds)),
    el("td", { class: "portal-number" }, node.series.toLocaleString("en-US")),
    el("td", { class: "portal-number" }, node.points.toLocaleString("en-US")),
    el("td", { class: "portal-number" }, node.samples.toLocaleString("en-US"), sources.length ? el("div", { class: "portal-quiet" }, sources.join(", ")) : null),
  );
}
