// Starts a failure drill, and shows fault by fault how it is told while it is told.
import { ask } from "./ask.js";
import { $, complain, fill, make, optionsOf, say } from "./dom.js";
import { rowOf } from "./fault.js";

const { texts, kinds, of_links, scenarios } = optionsOf("reports"), SCENARIOS = ["one", "failures", "random", "all"], AFTER_S = 1;
const field = (name) => $(`.drill [name=${name}]`);
const offer = (place, entries) => place.replaceChildren(...entries.map(([value, textContent]) => make("option", { value, textContent })));
const known = {};
let shown, stopping;

// --- What is chosen

function places() {
  const before = field("target").value, isLink = of_links.includes(field("kind").value);
  const names = known.nodes.filter(([, sends]) => sends || !isLink).map(([name]) => name);
  offer(field("target"), names.map((name) => [name, name]));
  if (names.includes(before)) field("target").value = before;
}

function choose() {
  for (const name of ["kind", "target", "for_s"]) $(`.drill label.${name}`).hidden = field(name).disabled = field("scenario").value !== "one";
}

// --- Starting and stopping

async function start(event) {
  event.preventDefault();
  const name = field("scenario").value, fault = { kind: field("kind").value, target: field("target").value, for_s: Number(field("for_s").value), after_s: AFTER_S };
  const body = name === "one" ? { scenario: { fault: [fault] } } : { scenario: scenarios[name], seed: crypto.getRandomValues(new Uint32Array(1))[0] };
  complain();
  $(".start").disabled = true;
  const { status, reason, answer } = await ask("/v1/chaos/runs", { method: "POST", body });
  $(".start").disabled = false;
  if (status === 201) return;
  complain({ "chaos-running": texts.other_run, away: texts.away }[reason] ?? texts.refused, answer.detail);
}

async function stop() {
  stopping = shown.id;
  $(".stop").disabled = true;
  say($(".doing"), texts.stopping);
  const { status } = await ask(`/v1/chaos/runs/${stopping}`, { method: "DELETE" });
  if (status === 204) return;
  stopping = undefined;
  $(".stop").disabled = false;
  complain(texts.away);
}

// --- What happens

function sentence({ id, state, done, count, now, problem }) {
  if (state !== "running") return fill(texts[state], { done, count, problem });
  if (stopping === id) return texts.stopping;
  if (now || (done > 0 && done < count)) return fill(texts.running, { done, count });
  return done === 0 ? texts.begins : texts.ends;
}

// Answers whether a run that was seen running has ended.
function showRun(run) {
  const isRunning = run?.state === "running", hasEnded = shown?.state === "running" && shown.id === run?.id && !isRunning;
  shown = run;
  $(".start").hidden = isRunning;
  $(".stop").hidden = !isRunning;
  $(".stop").disabled = stopping === run?.id;
  say($(".doing"), run && sentence(run));
  $(".doing").classList.toggle("failed", run?.state === "failed");
  const faults = run ? [...(run.now ? [run.now] : []), ...run.recent.toReversed()] : [];
  $(".drill .scrolls").hidden = !faults.length;
  $(".drill tbody").replaceChildren(...faults.map(rowOf));
  return hasEnded;
}

// `ended` is called when a run that was seen running has ended.
export function drill(ended) {
  offer(field("scenario"), SCENARIOS.map((name) => [name, texts[name]]));
  offer(field("kind"), Object.entries(kinds));
  field("scenario").onchange = choose;
  field("kind").onchange = places;
  $(".drill form").onsubmit = start;
  $(".stop").onclick = stop;
  choose();
  live.on((frame) => {
    Object.assign(known, frame);
    $(".forbidden").hidden = known.enabled;
    $(".allowed").hidden = !known.enabled;
    if (frame.nodes) places();
    if (frame.runs && showRun(known.runs[0])) ended();
  });
}
