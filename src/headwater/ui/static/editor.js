// The editor: completes relations and columns, and says below a line what is wrong with it.
import * as CM from "nicegui-codemirror";
import { make, onTheme } from "./dom.js";

const setFault = CM.StateEffect.define();

class Fault extends CM.WidgetType {
  constructor(message) { super(); this.message = message; }
  eq(other) { return other.message === this.message; }
  // Without margins, which the editor does not measure.
  toDOM() { return make("div", { className: "cm-fault" }, make("div", { textContent: `✕ ${this.message}` })); }
}

function decorated(state, { line: number, column, message }) {
  const line = state.doc.line(Math.min(number, state.doc.lines)), at = Math.min(line.from + column - 1, line.to);
  const word = /^(\w+|"[^"]*"|.)/u.exec(state.sliceDoc(at, line.to))?.[0].length ?? 0;
  const found = [CM.Decoration.line({ class: "cm-wrong" }).range(line.from)];
  if (word) found.push(CM.Decoration.mark({ class: "cm-wrong-word" }).range(at, at + word));
  found.push(CM.Decoration.widget({ widget: new Fault(message), block: true, side: 1 }).range(line.to));
  return CM.Decoration.set(found, true);
}

const faults = CM.StateField.define({
  create: () => CM.Decoration.none,
  update(old, change) {
    const effect = change.effects.find((one) => one.is(setFault));
    if (effect) return effect.value ? decorated(change.state, effect.value) : CM.Decoration.none;
    return change.docChanged ? CM.Decoration.none : old;
  },
  provide: (field) => CM.EditorView.decorations.from(field),
});

// `known` gives {relations: names, columns: {name: type}} as they are now.
function completing(known) {
  return (context) => {
    const word = context.matchBefore(/\w+/);
    if (!word && !context.explicit && context.matchBefore(/\./) === null) return null;
    const { relations, columns } = known();
    const options = [
      ...relations.map((label) => ({ label, type: "class", boost: 1 })),
      ...Object.entries(columns).map(([label, detail]) => ({ label, detail, type: "property", boost: 2 })),
    ];
    return { from: word ? word.from : context.pos, options, validFor: /^\w*$/ };
  };
}

export function makeEditor(code, { known, name, run }) {
  code.emitting = false; // What is typed stays in the browser: nobody needs it on the server.
  const { editor } = code, autocomplete = completing(known);
  const keys = [{ key: "Mod-Enter", run: () => { run(); return true; } }];
  const extensions = [
    faults, CM.Prec.highest(CM.keymap.of(keys)), CM.EditorState.languageData.of(() => [{ autocomplete }]),
    CM.EditorView.contentAttributes.of({ "aria-label": name }),
  ];
  editor.dispatch({ effects: CM.StateEffect.appendConfig.of(extensions) });
  const colours = () => code.setTheme(document.body.classList.contains("body--dark") ? "githubDark" : "githubLight");
  onTheme(colours);
  colours();
  return {
    text: () => editor.state.doc.toString(),
    set: (text) => editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } }),
    fault: (place) => editor.dispatch({ effects: setFault.of(place) }),
  };
}
