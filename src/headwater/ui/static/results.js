// The answer to a query, as one of four views.
import { BARS_MAX, axesOf, chartOf, columnsOf, csvOf } from "./answer.js";
import { $, $$, download, fill, make, onTheme, press, say, whole } from "./dom.js";

const VIEWS = ["table", "chart", "json", "csv"], SHOWN_MAX = 200_000, SAID_MS = 1500;

// `moved` is called when the reader has chosen another view, or other axes.
export function resultsOf(table, chart, texts, moved) {
  let view = "table", axes = {}, answer;
  const choice = (axis) => $(`select[name=${axis}]`);
  const written = () => view === "json" ? answer.text : csvOf(answer);

  function offer() {
    for (const [axis, possible] of Object.entries(axesOf(answer))) {
      const names = possible.map((i) => answer.columns[i].name), kept = names.indexOf(axes[axis]);
      choice(axis).replaceChildren(...possible.map((i) => make("option", { value: i, textContent: answer.columns[i].name })));
      if (kept >= 0) choice(axis).value = possible[kept];
    }
  }

  function draw() {
    const [of, over] = ["of", "over"].map((axis) => choice(axis).value), isPossible = of !== "" && over !== "";
    $(".axes").hidden = $("[data-view=chart]").hidden = !isPossible;
    if (!isPossible) return texts.no_chart;
    const { drawn, isCut } = chartOf(answer, Number(of), Number(over));
    $("[data-view=chart]").setAttribute("aria-label", fill(texts.chart_about, { of: answer.columns[of].name, over: answer.columns[over].name }));
    chart.resize();
    chart.setOption(drawn, true);
    return isCut ? fill(texts.chart_part, { count: whole(BARS_MAX) }) : "";
  }

  function write() {
    const all = written();
    $("[data-view=text]").textContent = all.slice(0, SHOWN_MAX);
    return all.length > SHOWN_MAX ? fill(texts.part, { count: whole(all.length) }) : "";
  }

  function turn() {
    press("[data-show]", "show", view);
    if (!answer) return;
    const { count, truncated } = answer, isText = view === "json" || view === "csv";
    $("[data-view=table]").hidden = view !== "table" || count === 0;
    $("[data-view=chart]").hidden = $(".axes").hidden = true;
    $("[data-view=text]").hidden = !isText;
    const cut = truncated ? fill(answer.cut, { count: whole(count) }) : "";
    const note = isText ? write() : view === "chart" && count ? draw() : "";
    say($(".note"), count === 0 ? answer.none : note || cut);
  }

  function choose(next) { view = VIEWS.includes(next) ? next : "table"; turn(); }

  async function copy() {
    await navigator.clipboard.writeText(written());
    $(".copy").textContent = texts.copied;
    setTimeout(() => { $(".copy").textContent = texts.copy; }, SAID_MS);
  }

  for (const tab of $$("[data-show]")) tab.onclick = () => { choose(tab.dataset.show); moved(); };
  for (const axis of ["of", "over"]) choice(axis).onchange = ({ target }) => { axes[axis] = target.selectedOptions[0].textContent; turn(); moved(); };
  $(".download").onclick = () => view === "json" ? download("query.json", "application/json", answer.text) : download("query.csv", "text/csv", csvOf(answer));
  $(".copy").onclick = copy;
  onTheme(turn);

  return {
    show(found) {
      answer = found;
      table.updateGridOptions({ columnDefs: columnsOf(answer.columns), rowData: answer.rows });
      offer();
      turn();
    },
    // What of this stands in the address.
    state: () => view === "table" ? {} : view === "chart" ? { view, ...axes } : { view },
    restore(parts) {
      axes = {};
      for (const axis of ["of", "over"]) if (parts.get(axis)) axes[axis] = parts.get(axis);
      if (answer) offer();
      choose(parts.get("view"));
    },
  };
}
