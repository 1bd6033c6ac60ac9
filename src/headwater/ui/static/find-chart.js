// Values over time: a line for each meter that breaks where values are missing, and the gaps in words.
import { $, fill, language, make, say, whole } from "./dom.js";
import { colour, look, plain } from "./charts.js";
import { isUtc } from "./find-form.js";
import { lasted, seriesOf } from "./gaps.js";

const SYMBOLS = ["circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect", "emptyTriangle", "emptyDiamond"];
const AREAS_MAX = 50, SYMBOLS_MAX = 400, GAPS_MAX = 20;

// The null between two values is what breaks the line.
function broken({ values, gaps }) {
  const ends = new Map(gaps);
  return values.flatMap(({ time, value, id }, i) => {
    const point = { value: [time, value], id }, isLast = values[i + 1]?.time !== time;
    return isLast && ends.has(time) ? [point, { value: [(time + ends.get(time)) / 2, null] }] : [point];
  });
}

function optionsOf(series, isJoined) {
  const drawn = look({ top: series.length > 1 ? 48 : 24 }), text = drawn.textStyle;
  const areas = ({ gaps }) => isJoined ? gaps.slice(0, AREAS_MAX).map(([from, to]) => [{ xAxis: from }, { xAxis: to }]) : [];
  const lines = series.map((one, i) => ({
    type: isJoined ? "line" : "scatter", name: plain(one.meter), symbol: SYMBOLS[i], symbolSize: 6, showSymbol: !isJoined || one.values.length < SYMBOLS_MAX,
    data: isJoined ? broken(one) : one.values.map(({ time, value, id }) => ({ value: [time, value], id })),
    lineStyle: { width: 2 }, itemStyle: { color: colour(`series-${i + 1}`) },
    markArea: { silent: true, itemStyle: { color: colour(`series-${i + 1}`), opacity: 0.12 }, data: areas(one) },
  }));
  return {
    ...drawn, useUTC: isUtc(), series: lines, dataZoom: [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: "ctrl" }],
    legend: { show: series.length > 1, type: "scroll", top: 8, left: 16, right: 16, textStyle: { ...text, color: colour("ink") }, pageTextStyle: text, pageIconColor: colour("accent") },
  };
}

function sentences(series, isJoined, isKnown, texts) {
  if (!isJoined) return [texts.gaps_untold];
  const gaps = series.flatMap(({ meter, gaps }) => gaps.map(([from, to]) => ({ meter, from, to })));
  if (!gaps.length) return isKnown ? [texts.gaps_none] : [];
  const told = gaps.slice(0, GAPS_MAX).map(({ meter, from, to }) => fill(texts.gap, { meter, from: points.time(from), to: points.time(to), lasted: lasted(to - from, language()) }));
  return gaps.length > GAPS_MAX ? [...told, fill(texts.gaps_more, { count: whole(gaps.length - GAPS_MAX) })] : told;
}

// Points of one metric. Not joined: some of the values between them were not asked for.
export function draw(chart, found, isJoined, texts) {
  const all = seriesOf(found), series = all.slice(0, SYMBOLS.length).sort(({ meter: a }, { meter: b }) => a < b ? -1 : 1), isKnown = series.some(({ values }) => values.some(({ value }) => value !== null));
  chart.resize();
  chart.setOption(optionsOf(isKnown ? series : [], isJoined), true);
  const note = all.length > series.length ? fill(texts.meters_more, { count: whole(all.length), shown: whole(series.length) }) : isKnown ? "" : texts.chart_none;
  say($(".legend-note"), note);
  $(".gaps").replaceChildren(...sentences(series, isJoined, isKnown, texts).map((textContent) => make("li", { textContent })));
}
