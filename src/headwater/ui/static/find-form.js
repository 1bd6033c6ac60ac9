// What the fields of the page that finds values ask for, and how a question stands in them. Times are ms, UTC, in a
// question and in the address; in the fields they are what the reader has chosen.
import { $, $$, complain, fill } from "./dom.js";

export const FIELDS = ["meter", "metric", "node", "from", "to", "min", "max"];
const TIMES = ["from", "to"];
export const isUtc = () => localStorage.getItem("times") === "utc";
const field = (name) => $(`.finder [name=${name}]`);

function typed(ms) {
  const at = new Date(ms);
  if (isNaN(at)) return "";
  return new Date(isUtc() ? at : at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 23);
}

export function fillIn(question, texts) {
  const zone = isUtc() ? texts.utc : texts.local, written = (name, value = "") => value && TIMES.includes(name) ? typed(Number(value)) : value;
  for (const name of FIELDS) field(name).value = written(name, question[name]);
  for (const name of TIMES) $(`.${name} span`).textContent = fill(texts[`measured_${name}`], { zone });
  field("order").value = question.order ?? "newest";
}

// What is wrong, and where.
export function blame(name, sentence, detail) {
  complain(sentence, detail);
  for (const input of $$(".finder input")) input.toggleAttribute("aria-invalid", input.name === name);
  if (name) field(name).focus();
}

// The question; undefined when something in the fields is wrong, which is said.
export function read(texts) {
  const question = {};
  for (const name of FIELDS) {
    const { value, validity } = field(name), isTime = TIMES.includes(name);
    if (validity.badInput) return blame(name, isTime ? texts.wrong_time : texts.wrong_number);
    if (value.trim()) question[name] = isTime ? String(Date.parse(value + (isUtc() ? "Z" : ""))) : value.trim();
  }
  if (field("order").value === "oldest") question.order = "oldest";
  if (Number(question.from) >= Number(question.to)) return blame("to", texts.times_turned);
  if (Number(question.min) > Number(question.max)) return blame("max", texts.values_turned);
  return question;
}
