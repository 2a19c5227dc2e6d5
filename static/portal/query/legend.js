// The legend of a graph: one button a line. A click shows one line alone, with Ctrl, Cmd or Shift it hides one.
import { counted, el } from "query/markup";
import { readable } from "query/series";

/** `lines` are `{id, name, title, colour, last}`; `onChange(hidden)` gets the ids that are not drawn. */
export function showLegend(element, lines, { hidden, unit, total, onChange, onPoint, onMore }) {
  const toggle = (line, event) => {
    const isAdding = event.ctrlKey || event.metaKey || event.shiftKey;
    if (isAdding) {
      if (!hidden.delete(line.id)) hidden.add(line.id);
    } else {
      const isAlone = lines.length - hidden.size === 1 && !hidden.has(line.id);
      hidden.clear();
      if (!isAlone) lines.filter((other) => other !== line).forEach((other) => hidden.add(other.id));
    }
    element.querySelectorAll("[data-line]").forEach((button) => {
      button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.line)));
    });
    onChange();
  };
  const buttons = lines.map((line) =>
    el(
      "button",
      {
        type: "button",
        class: "query-line",
        title: line.title,
        "aria-pressed": String(!hidden.has(line.id)),
        data: { line: line.id },
        on: {
          click: (event) => toggle(line, event),
          mouseenter: () => onPoint(line.id),
          mouseleave: () => onPoint(null),
          focus: () => onPoint(line.id),
          blur: () => onPoint(null),
        },
      },
      el("span", { class: "query-swatch", style: `background:${line.colour}` }),
      el("span", { class: "query-line-name" }, line.name),
      el("span", { class: "query-line-value", title: line.last ?? "" }, line.last === null ? "–" : readable(line.last, unit, 4)),
    ),
  );
  const words = el("p", { class: "query-legend-words portal-quiet" });
  if (total > lines.length) {
    words.append(
      `The first ${lines.length.toLocaleString("en-US")} of ${counted(total, "series", "series")} are drawn; topk() or an aggregation makes it fewer. `,
      el("button", { type: "button", class: "portal-link", on: { click: onMore } }, "Draw more"),
    );
  } else if (lines.length > 1) {
    words.append("Click a line’s name to see it alone; with Ctrl to hide it.");
  }
  element.replaceChildren(el("div", { class: "query-lines" }, ...buttons), words);
}
