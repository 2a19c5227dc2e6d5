// The editor of one expression: PromQL in colours, completed, and underlined where something is wrong.
import {
  acceptCompletion,
  autocompletion,
  bracketMatching,
  classHighlighter,
  closeBrackets,
  closeBracketsKeymap,
  Compartment,
  Decoration,
  defaultKeymap,
  EditorView,
  history,
  historyKeymap,
  hoverTooltip,
  insertNewlineAndIndent,
  keymap,
  linter,
  placeholder,
  Prec,
  promQLLanguage,
  StateEffect,
  StateField,
  syntaxHighlighting,
} from "codemirror";
import { completionSource } from "query/completion";
import { el } from "query/markup";
import { placeIn, spanOf } from "query/places";
import { ask, config } from "query/requests";

const CHECK_AFTER_MS = 300;
const shows = StateEffect.define();
const checksAgain = StateEffect.define();

const shown = StateField.define({
  create: () => Decoration.none,
  update(decorations, transaction) {
    if (transaction.docChanged) return Decoration.none;
    for (const effect of transaction.effects) {
      if (!effect.is(shows)) continue;
      const { from, to } = effect.value ?? {};
      return from < to ? Decoration.set([Decoration.mark({ class: "query-shown" }).range(from, to)]) : Decoration.none;
    }
    return decorations;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** An expression's editor in place of a textarea, which stays the form's field. */
export class Editor {
  #view;
  #textarea;
  #dark = new Compartment();
  #labelled = new Compartment();
  #onCheck;
  #checked = null;
  #notes = [];
  #notesText = "";

  /** `onRun()` is called for Enter, `onChange()` for every change, `onCheck(answer)` with what is known of it. */
  constructor(textarea, { onRun, onChange, onCheck, onFocus }) {
    this.#textarea = textarea;
    this.#onCheck = onCheck;
    const run = () => (onRun(), true);
    this.#view = new EditorView({
      doc: textarea.value,
      parent: textarea.parentElement,
      extensions: [
        Prec.highest(keymap.of([{ key: "Mod-Enter", run }])),
        keymap.of([
          { key: "Tab", run: acceptCompletion },
          { key: "Shift-Enter", run: insertNewlineAndIndent },
          { key: "Enter", run },
        ]),
        autocompletion({ override: [completionSource()], icons: false, maxRenderedOptions: 100 }),
        keymap.of([...closeBracketsKeymap, ...historyKeymap, ...defaultKeymap]),
        promQLLanguage("PromQL"),
        syntaxHighlighting(classHighlighter),
        bracketMatching(),
        closeBrackets(),
        history(),
        EditorView.lineWrapping,
        placeholder(textarea.placeholder),
        linter((view) => this.#diagnostics(view.state.doc.toString()), {
          delay: CHECK_AFTER_MS,
          needsRefresh: (update) => update.transactions.some((each) => each.effects.some((effect) => effect.is(checksAgain))),
        }),
        hoverTooltip((view, position) => this.#tooltip(position)),
        shown,
        this.#dark.of(darkTheme()),
        this.#labelled.of([]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) {
            this.#textarea.value = this.text;
            onChange();
          }
          if (update.focusChanged && this.#view?.hasFocus) onFocus();
        }),
      ],
    });
    textarea.hidden = true;
    new MutationObserver(() => this.#view.dispatch({ effects: this.#dark.reconfigure(darkTheme()) })).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["class"],
    });
  }

  get text() {
    return this.#view.state.doc.toString();
  }

  set text(text) {
    if (text === this.text) return;
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text }, selection: { anchor: text.length } });
  }

  set label(label) {
    this.#view.dispatch({ effects: this.#labelled.reconfigure(EditorView.contentAttributes.of({ "aria-label": label })) });
  }

  focus() {
    this.#view.focus();
  }

  /** Underline what a run has said about this text: `{severity, message}`, where the message names a place. */
  showNotes(notes) {
    this.#notes = notes;
    this.#notesText = this.text;
    this.#view.dispatch({ effects: checksAgain.of(null) });
  }

  /** Mark a part of the text, or nothing. */
  show(place) {
    const end = this.#view.state.doc.length;
    const marked = place && { from: Math.min(place.from, end), to: Math.min(place.to, end) };
    this.#view.dispatch({ effects: shows.of(marked) });
  }

  destroy() {
    this.#view.destroy();
  }

  async #diagnostics(text) {
    const answer = await this.#check(text);
    if (!answer || text !== this.text) return [];
    this.#onCheck(answer);
    if (answer.problem) return [{ ...nonEmpty(answer.problem, text), severity: "error", message: answer.problem.message }];
    const unknown = answer.metrics
      .filter((metric) => !metric.is_known)
      .map((metric) => ({ ...nameIn(metric, text), severity: "hint", message: `No series of “${metric.name}” are stored.` }));
    const notes = (text === this.#notesText ? this.#notes : []).map(({ severity, message }) => ({
      ...(placeIn(text, message) ?? { from: 0, to: text.length }),
      severity,
      message,
    }));
    return [...unknown, ...notes];
  }

  async #check(text) {
    if (!text.trim()) {
      this.#checked = null;
      this.#onCheck(null);
      return null;
    }
    if (this.#checked?.text !== text) {
      try {
        const answer = await ask(config.urls.check, { method: "POST", parameters: { expr: text } });
        for (const placed of [answer.problem, ...(answer.metrics ?? [])]) if (placed) Object.assign(placed, spanOf(text, placed));
        this.#checked = { text, answer };
      } catch {
        // The next change tries again; running tells what is wrong.
        return null;
      }
    }
    return this.#checked.answer;
  }

  #tooltip(position) {
    const metric = this.#checked?.text === this.text && this.#checked.answer.metrics?.find(({ from, to }) => from <= position && position <= to);
    if (!metric?.is_known || position > metric.from + metric.name.length) return null;
    return {
      pos: metric.from,
      end: metric.from + metric.name.length,
      create: () => ({
        dom: el(
          "div",
          { class: "query-hint" },
          el("strong", {}, metric.name),
          ` ${metric.type}, ${metric.series.toLocaleString("en-US")} series`,
          metric.help ? el("p", {}, metric.help) : null,
        ),
      }),
    };
  }
}

const darkTheme = () => EditorView.theme({}, { dark: window.portalFigures.isDark() });

/** Return where a selector names its metric; the whole selector when that is within the braces. */
function nameIn({ name, from, to }, text) {
  return nonEmpty({ from, to: text.startsWith(name, from) ? from + name.length : to }, text);
}

/** Return a place that can be seen: at least one character long. */
function nonEmpty({ from, to }, text) {
  if (to > from) return { from, to };
  return from < text.length ? { from, to: from + 1 } : { from: Math.max(0, text.length - 1), to: text.length };
}
