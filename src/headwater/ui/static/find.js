// The page that finds values: what is asked stands in the address, pages follow each other by the API's cursor.
import { ask } from "./ask.js";
import { $, $$, fill, make, onTheme, optionsOf, part, press, say, whole } from "./dom.js";
import { draw } from "./find-chart.js";
import { FIELDS, blame, fillIn, read } from "./find-form.js";

const { chart: chartId, texts } = optionsOf("find"), PAGE = 500, REASONS = { unavailable: texts.busy, away: texts.away };
const tell = (words = "") => { $(".answer").textContent = words; };

let view = "table", metric, asked = {}, found = [], next, unchecked = {}, examined = 0, asking;

// --- Asking

async function search({ isMore = false } = {}) {
  asking?.abort();
  const { signal } = asking = new AbortController();
  if (!isMore) [found, next, unchecked, examined] = [[], undefined, {}, 0];
  blame();
  tell(texts.searching);
  $(".results").classList.toggle("is-old", !isMore);
  $(".more").disabled = true;
  const parts = new URLSearchParams({ ...asked, size: PAGE, detail: true, ...(isMore && { cursor: next }) });
  let said;
  try { said = await ask(`/v1/find?${parts}`, { signal }); } catch { return; }
  if (signal.aborted) return;
  tell();
  $(".results").classList.remove("is-old");
  $(".more").disabled = false;
  if (said.status !== 200) return refused(said);
  found = [...found, ...said.answer.points];
  next = said.answer.next;
  examined += said.answer.examined;
  for (const [reason, count] of Object.entries(said.answer.unchecked)) unchecked[reason] = (unchecked[reason] ?? 0) + count;
  show();
}

function refused({ reason, answer: { detail = "" } }) {
  if (!found.length) $(".results").hidden = true;
  if (reason === "node") return blame("node", texts.no_node);
  blame(undefined, REASONS[reason] ?? texts.refused, detail);
}

// --- Showing

function note() {
  const counts = Object.entries(unchecked), left = counts.reduce((sum, [, count]) => sum + count, 0);
  const nothing = next ? fill(texts.looked, { count: whole(examined) }) : left ? "" : asked.node ? texts.none_of_node : texts.none;
  const reasons = counts.map(([reason, count]) => fill(texts[reason] ?? reason, { count: whole(count) })).join(", ");
  return [found.length ? "" : nothing, left ? fill(texts.left_out, { count: whole(left), reasons }) : ""].filter(Boolean).join(" ");
}

function show() {
  const count = found.length === 1 ? texts.count_one : fill(texts.count_many, { count: whole(found.length) });
  $(".results").hidden = false;
  tell(next ? `${count}, ${texts.and_more}` : count);
  $(".foot").hidden = !next;
  say($(".note"), note());
  table.show(found);
  offer("#meters", distinct("meterId"));
  offer("#metrics", distinct("metricId"));
  offer("[name=shown]", distinct("metricId"));
  turn();
}

const distinct = (name) => [...new Set(found.map(({ context }) => context?.[name]).filter(Boolean))].sort();
const offer = (selector, values) => $(selector).replaceChildren(...values.map((value) => make("option", { value, textContent: value, selected: value === metric })));

function turn() {
  const isChart = view === "chart" && found.length > 0, choice = $("[name=shown]");
  press("[data-show]", "show", view);
  $("[data-view=table]").hidden = view !== "table" || !found.length;
  $("[data-view=chart]").hidden = !isChart;
  $("[data-filter]").hidden = view === "chart";
  $(".metric-choice").hidden = !isChart || choice.options.length < 2;
  if (!isChart) return;
  draw(chart, found.filter(({ context }) => context?.metricId === choice.value), asked.min === undefined && asked.max === undefined, texts);
}

// --- The address

function address(write) {
  const parts = new URLSearchParams({ ...asked, ...(view === "chart" && { view }), ...(view === "chart" && metric && { shown: metric }) });
  const to = `/find${parts.size ? `?${parts}` : ""}`;
  if (to !== location.pathname + location.search) history[write](null, "", to);
}

function begin(question) {
  asked = question;
  fillIn(asked, texts);
  address("pushState");
  search();
}

function submit(event) {
  event.preventDefault();
  const id = $("[name=id]").value.trim().toLowerCase();
  if (/^[0-9a-f]{20}$/.test(id)) return location.assign(`/lineage/${id}`);
  if (id) return blame("id", texts.wrong_id);
  const question = read(texts);
  if (question) begin(question);
}

function restore() {
  const parts = new URLSearchParams(location.search);
  asked = Object.fromEntries([...parts].filter(([name, value]) => value && [...FIELDS, "order"].includes(name)));
  view = parts.get("view") === "chart" ? "chart" : "table";
  metric = parts.get("shown") ?? undefined;
  fillIn(asked, texts);
  search();
}

const table = await points.table("found"), { chart } = await part(chartId, (one) => one.chart);
$(".finder").onsubmit = submit;
$(".clear").onclick = () => { $("[name=id]").value = ""; begin({}); };
$(".more").onclick = () => search({ isMore: true });
for (const tab of $$("[data-show]")) tab.onclick = () => { view = tab.dataset.show; turn(); address("replaceState"); };
$("[name=shown]").onchange = ({ target }) => { metric = target.value; turn(); address("replaceState"); };
chart.on("click", ({ data }) => data?.id && location.assign(`/lineage/${data.id}`));
onTheme(turn);
document.addEventListener("times", () => { fillIn(asked, texts); turn(); });
addEventListener("popstate", restore);
live.on(({ names }) => names && offer("#nodes", [...names].sort()));
restore();
performance.mark("meaningful");
