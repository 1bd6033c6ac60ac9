// The page of reports: the list, and the one that the address names.
import { ask } from "./ask.js";
import { drill } from "./chaos.js";
import { $, $$, fill, language, make, optionsOf, part } from "./dom.js";
import { shown } from "./report.js";

const { content, texts } = optionsOf("reports");
const size = (bytes) => bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toLocaleString(language(), { maximumSignificantDigits: 3 })} kB`;
const title = (name) => name.replace(/\.json$/, "");
const chosen = () => new URLSearchParams(location.search).get("report");

function entry({ name, bytes, written }) {
  const about = `${new Date(written).toLocaleString(language())} · ${size(bytes)}`;
  const link = make("a", { href: `/reports?report=${encodeURIComponent(name)}` }, make("span", { className: "name", textContent: title(name) }), make("span", { className: "quiet", textContent: about }));
  link.dataset.report = name;
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.pushState(null, "", link.href);
    open();
  };
  return make("li", {}, link);
}

function mark() {
  for (const link of $$(".list a")) link.ariaCurrent = link.dataset.report === chosen() ? "true" : null;
}

async function list() {
  const { status, answer } = await ask("/v1/reports");
  if (status !== 200) return;
  $(".none").hidden = answer.length > 0;
  $(".shelf").hidden = !answer.length && !chosen();
  $(".list").replaceChildren(...answer.map(entry));
  mark();
}

async function open() {
  const name = chosen(), place = $(".report");
  mark();
  place.hidden = !name;
  if (!name) return;
  const path = `/v1/reports/${encodeURIComponent(name)}`, { status, reason, answer } = await ask(path);
  if (chosen() !== name) return;
  if (status !== 200) {
    const problem = status === 404 ? texts.gone : reason === "away" ? texts.away : fill(texts.unreadable, { problem: answer.detail });
    return place.replaceChildren(make("p", { className: "problem", role: "alert", textContent: problem }));
  }
  const link = make("a", { className: "chip", href: path, download: name, textContent: texts.download });
  place.replaceChildren(make("div", { className: "title" }, make("h2", { textContent: title(name) }), link), ...shown(answer));
}

await part(content, () => true);
drill(list);
addEventListener("popstate", open);
await list();
open();
performance.mark("meaningful");
