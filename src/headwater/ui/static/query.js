// The page of queries: asks the API, tells how far that is, and shows the answer. What is asked stands in the address.
import { ask } from "./ask.js";
import { $, $$, complain, fill, language, optionsOf, part, whole } from "./dom.js";
import { makeEditor } from "./editor.js";
import { resultsOf } from "./results.js";
import { savedQueries } from "./saved.js";
import { languageOf } from "./spoken.js";

const options = optionsOf("query"), { texts } = options;
const DRAFT = "headwater_query_draft", LOOK_MS = 1000, TICK_MS = 100, ADDRESS_MAX = 6000;
const REASONS = { select: texts.select, time: texts.time, memory: texts.memory, values: texts.values_many, unavailable: texts.busy, away: texts.away };
const seconds = (ms) => (ms / 1000).toLocaleString(language(), { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const tell = (words = "") => { $(".answer").textContent = words; };

let editor, results, running, spoken;

// --- Asking

// Tells how long a query has run, and whether it waits for others.
async function follow(question) {
  let others = 0, isWaiting = false, looked = question.began;
  for (;;) {
    await new Promise((done) => setTimeout(done, TICK_MS));
    if (running !== question || question.isCancelled) return;
    const now = performance.now();
    tell(fill(isWaiting ? texts.waiting : texts.running, { seconds: seconds(now - question.began), count: whole(others) }));
    if (now - looked < LOOK_MS) continue;
    looked = now;
    const { status, answer: known } = await ask("/v1/query"), mine = status === 200 && known.find(({ id }) => id === question.id);
    [others, isWaiting] = mine ? [known.length - 1, !mine.running] : [0, false];
  }
}

async function cancel() {
  const question = running;
  question.isCancelled = true;
  tell(texts.cancelling);
  const { status } = await ask(`/v1/query/${question.id}`, { method: "DELETE" });
  if (status !== 204) question.abort.abort(); // It has not come there yet, or its answer is on the way.
}

function begin() {
  running?.abort.abort(); // Its connection ends, and with that the query on the server.
  running = { id: `page-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`, abort: new AbortController(), began: performance.now() };
  complain();
  editor.fault(null);
  $(".cancel").hidden = false;
  $(".results").classList.add("is-old");
  follow(running);
  return running;
}

async function run({ isNew = true } = {}) {
  const { sql, values } = current();
  if (!sql.trim()) return complain(texts.nothing_yet);
  if (isNew) address("pushState");
  const question = begin(), { id, abort: { signal } } = question;
  let found;
  try { found = await ask(spoken.path(), { method: "POST", body: spoken.body({ query: sql, values, id }), signal }); } catch { found = { reason: "cancelled" }; }
  if (running !== question) return;
  running = undefined;
  $(".cancel").hidden = true;
  $(".results").classList.remove("is-old");
  $(".results").hidden = found.status !== 200;
  if (found.status !== 200) return refused(found);
  const { answer, text } = found, key = answer.count === 1 ? "rows_one" : "rows_many";
  tell(fill(texts[key], { count: whole(answer.count), seconds: seconds(performance.now() - question.began) }));
  results.show({ ...answer, ...spoken.shown(answer), text: text.slice(text.indexOf('"answer":') + 9, -1) });
}

function refused({ reason, answer: { detail = "", line, column } = {} }) {
  tell(reason === "cancelled" ? texts.cancelled : "");
  if (reason === "cancelled") return;
  if (!line) return complain(REASONS[reason] ?? texts.refused, detail);
  editor.fault({ line, column, message: detail.replace(/^line \d+, column \d+: /, "") });
  complain(REASONS[reason] ?? fill(texts.wrong_line, { line: whole(line) }));
}

// --- What is asked

const current = () => ({ sql: editor.text(), values: $("#values").checked, ...spoken.state() });

function use({ sql, values = false, language }) {
  spoken.speak(language);
  editor.set(sql);
  $("#values").checked = values;
  run();
}

function address(write) {
  const { sql, values } = current(), parts = new URLSearchParams({ sql, ...spoken.state(), ...(values && { values }), ...results.state() }), next = `/query?${parts}`;
  if (next.length > ADDRESS_MAX) return complain(texts.long_address);
  if (next !== location.pathname + location.search) history[write](null, "", next);
}

async function restore(draft) {
  const parts = new URLSearchParams(location.search);
  spoken.speak(parts.get("language"));
  const sql = parts.get("sql") ?? await spoken.first();
  $("#values").checked = parts.get("values") === "true";
  results.restore(parts);
  editor.set(draft ?? sql);
  if (draft === undefined || draft === sql) run({ isNew: false });
}

// A page that is loaded again, as it is when the server was away, still has what was typed.
function draft() {
  const isReloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
  try { return isReloaded ? sessionStorage.getItem(DRAFT) ?? undefined : undefined; } catch { return undefined; }
}

function keepDraft() {
  try { sessionStorage.setItem(DRAFT, editor.text()); } catch { /* Then it is not kept. */ }
}

const code = await part(options.editor, (one) => one.editor), grid = await part(options.table, (one) => one.api), chart = await part(options.chart, (one) => one.chart);
spoken = languageOf(options, (sql) => use({ sql, ...spoken.state() }));
editor = makeEditor(code, { known: spoken.known, name: texts.title, run });
results = resultsOf(grid.api, chart.chart, texts, () => address("replaceState"));
savedQueries(texts, current, use);
$(".run").onclick = () => run();
$(".cancel").onclick = cancel;
for (const chip of $$("[data-example]")) chip.onclick = () => use({ sql: options.examples[chip.dataset.example] });
addEventListener("popstate", () => restore());
addEventListener("pagehide", keepDraft);
await restore(draft());
performance.mark("meaningful");
