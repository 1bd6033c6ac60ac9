// Which language is asked in: SQL, or CQL over the tables of a store on Cassandra, which are asked for once.
import { ask } from "./ask.js";
import { $, $$, make, press } from "./dom.js";

const PATHS = { sql: "/v1/query", cql: "/v1/cql" };
const ROWS = 50;

// A value of a column to begin with.
const valueOf = ({ type }) => /text|ascii|varchar/.test(type) ? "'000001'" : type === "blob" ? "0x00" : "0";

// A question that names the partition of a table.
function starter({ name, columns, partition }, site) {
  const where = partition.map((key) => `${key} = ${key === "site" ? `'${site.replaceAll("'", "''")}'` : valueOf(columns.find((one) => one.name === key))}`);
  return `SELECT *\nFROM ${name}\nWHERE ${where.join(" AND ")}\nLIMIT ${ROWS}`;
}

// `use` takes a question that was chosen.
export function languageOf({ languages, site, relation, columns, examples, texts }, use) {
  let language = languages[0], tables = [], asked;

  async function load() {
    const { status, answer } = await ask(PATHS.cql);
    if (status !== 200) { asked = undefined; return; }
    tables = answer.tables;
    $("#tables").replaceChildren(...tables.map((table) =>
      make("button", { type: "button", className: "chip", textContent: table.name, onclick: () => use(starter(table, site)) })));
  }

  const loaded = () => asked ??= load();

  function speak(next) {
    language = languages.includes(next) ? next : languages[0];
    const isCql = language === "cql";
    press("[data-speak]", "speak", language);
    $(".about").textContent = isCql ? texts.about_cql : texts.about;
    $(".tables").hidden = !isCql;
    $(".examples").hidden = $(".tick").hidden = isCql;
    if (isCql) loaded();
  }

  async function first() {
    if (language === "sql") return examples.newest;
    await loaded();
    const table = tables.find(({ name }) => name === "node") ?? tables[0];
    return table ? starter(table, site) : "";
  }

  for (const tab of $$("[data-speak]")) tab.onclick = async () => { speak(tab.dataset.speak); use(await first()); };

  return {
    speak, first,
    path: () => PATHS[language],
    body: ({ values, ...question }) => language === "cql" ? question : { ...question, values },
    // What the results show otherwise: the sentences, and types by the names that SQL has for them.
    shown: ({ columns }) => language === "cql"
      ? { cut: texts.truncated_cql, none: texts.no_rows_cql, columns: columns.map(({ name, type }) => ({ name, type: type === "text" ? "VARCHAR" : type.toUpperCase() })) }
      : { cut: texts.truncated, none: texts.no_rows },
    state: () => language === languages[0] ? {} : { language },
    known: () => language === "cql"
      ? { relations: tables.map(({ name }) => name), columns: Object.fromEntries(tables.flatMap((table) => table.columns.map(({ name, type }) => [name, type]))) }
      : { relations: [relation], columns },
  };
}
