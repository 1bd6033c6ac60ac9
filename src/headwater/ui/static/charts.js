// How charts look, with the colours of the page as it is now, dark or light.
import { language } from "./dom.js";

export const colour = (name) => getComputedStyle(document.body).getPropertyValue(`--${name}`).trim();

// Braces and bars would be markup in a label.
export const plain = (words) => words.replace(/[{}|]/g, " ");

export function look({ top = 24 } = {}) {
  const text = { color: colour("quiet"), fontFamily: "Roboto, sans-serif", fontSize: 12 }, line = { lineStyle: { color: colour("line") } };
  return {
    animation: false, useUTC: true, textStyle: text, grid: { left: 16, right: 24, top, bottom: 12, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", backgroundColor: colour("card"), borderColor: colour("line"), textStyle: { ...text, color: colour("ink") } },
    xAxis: { type: "time", axisLabel: { ...text, hideOverlap: true }, axisLine: line, axisTick: line },
    yAxis: { type: "value", scale: true, axisLabel: { ...text, formatter: (number) => number.toLocaleString(language()) }, splitLine: line },
  };
}
