// The expressions: an editor each, called A, B, ...; added, left out, taken away.
import { Editor } from "query/editor";
import { byId, el, icon } from "query/markup";
import { config } from "query/requests";
import { letterOf } from "query/series";

/** The rows of expressions; `onRun()` runs them, `onCheck()` says that something is known of the one in use. */
export class Expressions {
  #element = byId("query-expressions");
  #rows = [];
  #active = null;
  #callbacks;
  #pattern;

  constructor(callbacks) {
    this.#callbacks = callbacks;
    this.#pattern = this.#element.querySelector("[data-query-row]").cloneNode(true);
    this.#element.replaceChildren();
    byId("query-add").addEventListener("click", () => this.add("").editor.focus());
  }

  get texts() {
    return this.#rows.map(({ editor }) => editor.text);
  }

  get hidden() {
    return this.#rows.flatMap(({ isHidden }, place) => (isHidden ? [place] : []));
  }

  /** The editor that was used last, with what is known of its text. */
  get active() {
    return this.#active ?? this.#rows[0];
  }

  /** The metrics that the expressions name and of which no series are stored. */
  get unknownMetrics() {
    const metrics = this.#rows.filter(({ isHidden }) => !isHidden).flatMap(({ known }) => known?.metrics ?? []);
    return [...new Set(metrics.filter((metric) => !metric.is_known).map(({ name }) => name))];
  }

  editor(place) {
    return this.#rows[place]?.editor;
  }

  /** Show these expressions and no others. */
  show(exprs, hidden) {
    while (this.#rows.length > exprs.length) this.#remove(this.#rows.at(-1));
    exprs.forEach((expr, place) => {
      const row = this.#rows[place] ?? this.add("");
      row.editor.text = expr;
      this.#hide(row, hidden.includes(place));
    });
  }

  add(text) {
    const element = this.#pattern.cloneNode(true);
    const textarea = element.querySelector("textarea");
    textarea.value = text;
    const letter = el("button", { type: "button", class: "query-letter", on: { click: () => this.#switch(row) } });
    const remove = el(
      "button",
      { type: "button", class: "query-icon", title: "Take this expression away", "aria-label": "Take this expression away", on: { click: () => this.#take(row) } },
      icon("close"),
    );
    const frame = el("div", { class: "query-editor" }, textarea);
    element.replaceChildren(letter, frame, remove);
    this.#element.append(element);
    const row = { element, letter, remove, editor: null, isHidden: false, known: null };
    row.editor = new Editor(textarea, {
      onRun: () => this.#callbacks.onRun(),
      onChange: () => this.#callbacks.onChange(),
      onFocus: () => this.#use(row),
      onCheck: (answer) => {
        row.known = answer;
        this.#callbacks.onCheck(this.active.known);
      },
    });
    this.#rows.push(row);
    this.#number();
    return row;
  }

  #use(row) {
    this.#active = row;
    this.#callbacks.onCheck(row.known);
  }

  #switch(row) {
    this.#hide(row, !row.isHidden);
    this.#callbacks.onRun();
  }

  #hide(row, isHidden) {
    row.isHidden = isHidden;
    this.#number();
  }

  #take(row) {
    this.#remove(row);
    this.active.editor.focus();
    this.#callbacks.onRun();
  }

  #remove(row) {
    row.editor.destroy();
    row.element.remove();
    this.#rows = this.#rows.filter((other) => other !== row);
    if (this.#active === row) this.#active = null;
    this.#number();
  }

  #number() {
    const isOne = this.#rows.length === 1;
    byId("query-add").disabled = this.#rows.length >= config.maxExpressions;
    this.#rows.forEach((row, place) => {
      const letter = letterOf(place);
      const words = row.isHidden ? `Run ${letter} again` : `Leave ${letter} out`;
      row.letter.textContent = letter;
      row.letter.title = words;
      row.letter.setAttribute("aria-label", words);
      row.letter.setAttribute("aria-pressed", String(!row.isHidden));
      row.letter.hidden = row.remove.hidden = isOne;
      if (isOne) row.isHidden = false;
      row.element.classList.toggle("query-row-hidden", row.isHidden);
      row.editor.label = isOne ? "PromQL expression" : `PromQL expression ${letter}`;
    });
  }
}
