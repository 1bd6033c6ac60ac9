// A fault of a drill as a row: while it is under way, and in a report.
import { $, fill, language, make, optionsOf } from "./dom.js";

const { texts, kinds, untold } = optionsOf("reports");
const FINE = "working", WRONG = "failed";
const isKnown = (value) => value !== null && value !== undefined;
const seconds = (value) => fill(texts.seconds, { seconds: value.toLocaleString(language(), { minimumFractionDigits: 2, maximumFractionDigits: 2 }) });

// [words, sign] of each cell behind what the fault is and where; a fault that is over has no stage.
function cellsOf({ fault: { kind }, detected_s, wrong, recovered_s, problem, stage }) {
  if (problem) return [[fill(texts.not_put_in, { problem }), WRONG], [""], [""]];
  if (stage === "before") return [["…"], ["…"], [texts.before]];
  const isOver = stage === undefined, isUntold = untold.includes(kind), isMissed = isOver || stage === "healed";
  const detected = isKnown(detected_s) ? [seconds(detected_s), FINE] : isUntold ? [texts.nothing_to_detect] : isMissed ? [texts.not_detected, WRONG] : ["…"];
  const isRight = isKnown(detected_s) || (isUntold && isOver);
  const told = wrong?.length ? [fill(texts.wrong, { what: wrong.join(", ") }), WRONG] : isRight ? [texts.right, FINE] : [isOver ? "–" : "…"];
  if (!isOver) return [detected, told, [stage === "in" ? texts.inside : texts.healed]];
  return [detected, told, isKnown(recovered_s) ? [seconds(recovered_s)] : [texts.not_recovered, WRONG]];
}

export function rowOf(fault) {
  const folder = $("link[rel=icon]").href.replace(/logo\.svg$/, "");
  const cells = [[kinds[fault.fault.kind] ?? fault.fault.kind], [fault.fault.target], ...cellsOf(fault)].map(([words, sign]) =>
    make("td", { className: sign ?? "" }, ...(sign ? [make("img", { src: `${folder}${sign}.svg`, alt: "", width: 16, height: 16 })] : []), make("span", { textContent: words })));
  return make("tr", { className: fault.stage ? "now" : "" }, ...cells);
}
