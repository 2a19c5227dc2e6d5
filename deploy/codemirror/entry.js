// What the query page takes of CodeMirror and of its PromQL language; `build.js` bundles it.
export { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
export { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from "@codemirror/commands";
export { bracketMatching, syntaxHighlighting } from "@codemirror/language";
export { linter } from "@codemirror/lint";
export { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
export { Decoration, EditorView, hoverTooltip, keymap, placeholder } from "@codemirror/view";
export { classHighlighter } from "@lezer/highlight";
export { newCompleteStrategy, promQLLanguage } from "@prometheus-io/codemirror-promql";
export { labelMatchersToString } from "@prometheus-io/codemirror-promql/dist/esm/parser/index.js";
