// A report as facts and tables: those of drills by what they mean, those of benchmarks by their shape.
import { language, make, optionsOf } from "./dom.js";
import { rowOf } from "./fault.js";

const { texts, kinds, parts } = optionsOf("reports");
const FIGURES = ["injected", "detected", "wrong_kind", "min_s", "p50_s", "p95_s", "p99_s", "max_s", "recovery_p50_s", "recovery_max_s"];
const ROWS_MAX = 500, LIST_MAX = 20, TEXT_MAX = 100_000;
const words = (name) => name.replaceAll("_", " ");

const isPlain = (value) => typeof value !== "object" || value === null;
const isSingle = (value) => isPlain(value) || (Array.isArray(value) && value.length < LIST_MAX && value.every(isPlain));
const isFlat = (value) => !isSingle(value) && !Array.isArray(value) && Object.values(value).every(isSingle);

function written(value) {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map(written).join(", ");
  return typeof value === "number" ? value.toLocaleString(language(), { maximumSignificantDigits: 6 }) : String(value);
}

const facts = (pairs) => make("dl", { className: "facts" }, ...pairs.map(([name, value]) => make("div", {}, make("dt", { className: "quiet", textContent: name }), make("dd", { textContent: written(value) }))));
const row = ([name, ...values]) => make("tr", {}, make("th", { scope: "row", textContent: written(name) }), ...values.map((value) => make("td", { className: typeof value === "number" || value === null ? "number" : "", textContent: written(value) })));

function table(title, heads, rows) {
  const head = make("thead", {}, make("tr", {}, ...heads.map((textContent, i) => make("th", { scope: "col", textContent, className: rows.some(({ children }) => children[i]?.className === "number") ? "number" : "" }))));
  const place = make("div", { className: "scrolls", tabIndex: 0, role: "region", ariaLabel: title }, make("table", {}, head, make("tbody", {}, ...rows.slice(0, ROWS_MAX))));
  return make("section", {}, make("h3", { textContent: title }), place);
}

const rounded = (seconds) => seconds === null ? null : Math.round(seconds * 100) / 100;

function ofDrill(report) {
  const heads = FIGURES.map((name) => texts[name === "detected" ? "detected_count" : name.replace(/_s$/, "")]);
  const figures = (title, found, names) => table(title, [texts.part, ...heads], Object.entries(found).map(([part, one]) => row([names[part] ?? part, ...FIGURES.map((name) => rounded(one[name]))])));
  return [
    facts([
      [texts.begun, new Date(report.begun_ms).toLocaleString(language())], [texts.lasted, `${written(rounded(report.lasted_s))} s`],
      [texts.injected, report.faults.length], [texts.false_alarms, report.false_alarms], [texts.readings_lost, report.readings_lost],
      [texts.undelivered, report.undelivered], [texts.delivered, report.delivered], [texts.seed, report.seed],
    ]),
    figures(texts.kinds, report.kinds, parts), figures(texts.ways, report.ways, kinds),
    table(texts.all_faults, [texts.fault, texts.where, texts.detected, texts.told, texts.recovered], report.faults.map(rowOf)),
  ];
}

function tableOf(name, value) {
  const rows = Array.isArray(value) ? value.map((one, i) => [i + 1, one]) : Object.entries(value);
  if (isFlat(value)) return table(words(name), [texts.part, texts.value], rows.map(row));
  if (!rows.every(([, one]) => isFlat(one))) return make("details", {}, make("summary", { textContent: words(name) }), make("pre", { className: "mono", textContent: JSON.stringify(value, null, 2).slice(0, TEXT_MAX) }));
  const heads = [...new Set(rows.flatMap(([, one]) => Object.keys(one)))];
  return table(words(name), [texts.part, ...heads.map(words)], rows.map(([part, one]) => row([part, ...heads.map((head) => one[head])])));
}

function ofBenchmark(report) {
  const entries = Object.entries(report), single = entries.filter(([, value]) => isSingle(value));
  const tables = entries.filter(([, value]) => !isSingle(value)).map(([name, value]) => tableOf(name, value));
  return [...(single.length ? [facts(single.map(([name, value]) => [words(name), value]))] : []), ...tables];
}

const isDrill = ({ kinds, ways, faults }) => !isPlain(kinds) && !isPlain(ways) && Array.isArray(faults);
export const shown = (report) => isDrill(report) ? ofDrill(report) : ofBenchmark(report);
