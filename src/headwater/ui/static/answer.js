// What an answer of SQL is as table, CSV and chart.
import { colour, look, plain } from "./charts.js";
import { make } from "./dom.js";

const MILLISECONDS = ["timestamp", "stime", "rtime"], ID = /^[0-9a-f]{20}$/;
export const BARS_MAX = 100;
const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/;

const isMilliseconds = ({ name, type }) => type === "BIGINT" && MILLISECONDS.includes(name);
const isTime = (column) => isMilliseconds(column) || /^(TIMESTAMP|DATE)/.test(column.type);
const isNumber = (column) => NUMBER.test(column.type) && !isMilliseconds(column);

const written = (value) => value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
const moment = (ms) => { const at = new Date(ms); return isNaN(at) ? String(ms) : at.toISOString().slice(0, -1).replace("T", " "); };

// What a cell shows: text, and links where there are ids. A bare string would be taken for markup.
function cell({ value, valueFormatted }) {
  const link = (id) => make("a", { href: `/lineage/${id}`, textContent: id, className: "mono" }), isId = (one) => typeof one === "string" && ID.test(one);
  if (isId(value)) return link(value);
  if (Array.isArray(value) && value.length && value.every(isId)) return make("span", {}, ...value.flatMap((id, i) => i ? [", ", link(id)] : [link(id)]));
  return document.createTextNode(valueFormatted ?? written(value));
}

function formatOf(column) {
  if (isMilliseconds(column)) return ({ value }) => value === null ? "" : moment(value);
  return column.type.startsWith("TIMESTAMP") ? ({ value }) => written(value).replace("T", " ") : undefined;
}

export function columnsOf(columns) {
  const width = (column) => column.name === "id" ? 210 : isTime(column) ? 190 : column.type.startsWith("VARCHAR") ? 140 : 110;
  return columns.map((column, i) => ({
    colId: String(i), headerName: column.name, headerTooltip: column.type, cellRenderer: cell, cellDataType: false,
    valueGetter: ({ data }) => data[i], valueFormatter: formatOf(column), flex: 1, minWidth: width(column),
    ...(isNumber(column) && { type: "rightAligned" }),
  }));
}

// RFC 4180, as the API writes it.
export function csvOf({ columns, rows }) {
  const cell = (value) => { const text = written(value); return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
  return [columns.map(({ name }) => name), ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

// The axes that a chart can have: positions of columns.
export function axesOf({ columns }) {
  const those = (fit) => columns.map((_, i) => i).filter((i) => fit(columns[i]));
  return { of: those(isNumber), over: [...those(isTime), ...those(({ type }) => type === "VARCHAR")] };
}

// Times of SQL are UTC, with and without saying so.
const instant = (value) => typeof value === "number" ? value : Date.parse(/[Z+]/.test(value) ? value : `${value}${value.includes("T") ? "" : "T00:00"}Z`);

export function chartOf({ columns, rows }, of, over) {
  const isTimed = isTime(columns[over]), drawn = look(), number = (value) => value === null ? null : Number(value);
  const kept = isTimed ? rows.filter((row) => row[over] !== null) : rows.slice(0, BARS_MAX);
  const points = isTimed ? kept.map((row) => [instant(row[over]), number(row[of])]).sort(([a], [b]) => a - b) : kept.map((row) => number(row[of]));
  const series = isTimed ? { type: "line", symbolSize: 5, showSymbol: points.length < 200, lineStyle: { width: 2 } } : { type: "bar", barMaxWidth: 48 };
  Object.assign(drawn.xAxis, isTimed ? {} : { type: "category", data: kept.map((row) => plain(written(row[over]))) });
  drawn.yAxis.scale = isTimed;
  drawn.series = [{ ...series, name: plain(columns[of].name), data: points, itemStyle: { color: colour("accent"), borderRadius: isTimed ? 0 : [5, 5, 0, 0] } }];
  return { drawn, isCut: kept.length < rows.length && !isTimed };
}
