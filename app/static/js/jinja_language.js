// The light grammar of templates for the code editor.

const { StreamLanguage } = CodeMirror;

// ---- Templates: only what stands in {{ }}, {% %} and {# #} has colours ---------------------------------------

const TAGS = /^(?:if|elif|else|endif|for|endfor|in|set|endset|is|not|and|or|macro|endmacro|call|endcall|filter|endfilter|with|endwith)\b/;

function readMark(stream, state) {
  if (stream.match(/^-?[}%]\}/)) {
    state.inside = "";
    return "brace";
  }
  if (stream.eatSpace()) return null;
  if (stream.match(/^(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)/)) return "string";
  if (stream.match(/^\d+(?:\.\d+)?/)) return "number";
  if (stream.match(TAGS)) return "keyword";
  if (stream.match(/^(?:true|false|none)\b/i)) return "bool";
  if (stream.match(/^\|\s*\w*/)) return "macroName";
  if (stream.match(/^\.\w+/)) return "propertyName";
  if (stream.match(/^[^\W\d]\w*/)) return "variableName";
  return stream.next() && "operator";
}

export const jinja = StreamLanguage.define({
  name: "jinja",
  startState: () => ({ inside: "" }),
  copyState: (state) => ({ ...state }),
  languageData: { commentTokens: { block: { open: "{#", close: "#}" } }, closeBrackets: { brackets: ["{"] } },
  token(stream, state) {
    if (state.inside === "#") {
      if (stream.match(/^.*?#\}/)) state.inside = "";
      else stream.skipToEnd();
      return "comment";
    }
    if (state.inside) return readMark(stream, state);
    const begin = stream.match(/^\{[{%#]-?/);
    if (!begin) {
      stream.next();
      if (!stream.skipTo("{")) stream.skipToEnd();
      return null;
    }
    state.inside = begin[0][1];
    return state.inside === "#" ? "comment" : "brace";
  },
});
