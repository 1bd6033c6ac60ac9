// Queries that the reader has named, kept in this browser alone.
import { $, complain, fill, make } from "./dom.js";

const KEY = "headwater_queries";

function saved() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter(({ name, sql }) => typeof name === "string" && typeof sql === "string") : [];
  } catch { return []; }
}

// Whether the browser keeps them.
function keep(queries) {
  try { localStorage.setItem(KEY, JSON.stringify(queries)); return true; } catch { return false; }
}

// `current` tells the query as it is now, `use` takes one that was saved.
export function savedQueries(texts, current, use) {
  const field = $(".save input"), button = $(".save button");

  function list() {
    const queries = saved();
    $(".own").hidden = !queries.length;
    $("#own").replaceChildren(...queries.map((query) => {
      const name = fill(texts.forget, query), drop = make("button", { type: "button", textContent: "×", title: name });
      drop.setAttribute("aria-label", name);
      drop.onclick = () => { keep(saved().filter((one) => one.name !== query.name)); list(); };
      return make("span", { className: "chip pair" }, make("button", { type: "button", textContent: query.name, onclick: () => use(query) }), drop);
    }));
  }

  function ask(isAsked) {
    field.hidden = !isAsked;
    field.value = "";
    button.textContent = isAsked ? texts.keep : texts.save;
  }

  $(".save").onsubmit = (event) => {
    event.preventDefault();
    const name = field.value.trim();
    if (field.hidden) ask(true);
    if (!name) return field.focus();
    const isKept = keep([...saved().filter((one) => one.name !== name), { name, ...current() }]);
    complain(isKept ? "" : texts.not_kept);
    ask(false);
    list();
  };
  list();
}
