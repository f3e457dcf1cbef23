// What app/static/js/editor.js needs of CodeMirror 6, as the global `CodeMirror`; nothing of our own beyond the styles.
import { StyleModule } from "style-mod";

// A style element would need a nonce from every page; a constructed sheet needs none, so that the policy stays strict.
// In a layer of their own the library's rules yield to editor.css, whatever their selectors.
const mounted = new Set();

StyleModule.mount = (_root, modules) => {
  for (const each of [modules].flat()) {
    if (mounted.has(each)) continue;
    mounted.add(each);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`@layer codemirror { ${each.getRules()} }`);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }
};

export { minimalSetup } from "codemirror";
export { EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
export {
  Decoration, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers, tooltips,
} from "@codemirror/view";
export { indentWithTab } from "@codemirror/commands";
export {
  bracketMatching, indentOnInput, indentUnit, StreamLanguage, syntaxHighlighting, syntaxTree,
} from "@codemirror/language";
export { classHighlighter } from "@lezer/highlight";
export { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
export { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
export { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
export { localCompletionSource, pythonLanguage } from "@codemirror/lang-python";
