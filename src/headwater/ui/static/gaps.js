// Where values are missing from series, and how long times are in words. Pure.
const MISSING_STEPS = 2.5; // One late value is no gap yet.

// [from, to] of each stretch without a value in ascending times, judged by their own usual distance.
export function gapsOf(times) {
  const steps = times.slice(1).map((time, i) => time - times[i]).filter((step) => step > 0).sort((a, b) => a - b);
  if (steps.length < 2) return [];
  const usual = steps[(steps.length - 1) >> 1];
  return times.slice(1).map((time, i) => [times[i], time]).filter(([from, to]) => to - from > MISSING_STEPS * usual);
}

// Points of one metric as a series for each meter, by time, those with most values first.
export function seriesOf(points) {
  const found = new Map();
  for (const { id, value, context: { meterId: meter = "", timestamp } = {} } of points) {
    if (timestamp === undefined) continue;
    if (!found.has(meter)) found.set(meter, []);
    found.get(meter).push({ time: timestamp, value: typeof value === "number" ? value : null, id });
  }
  const all = [...found].map(([meter, values]) => ({ meter, values: values.sort((a, b) => a.time - b.time) }));
  for (const one of all) one.gaps = gapsOf([...new Set(one.values.map(({ time }) => time))]);
  return all.sort((a, b) => b.values.length - a.values.length || (a.meter < b.meter ? -1 : 1));
}

// 45 min, 2 h: in the largest unit that leaves little out.
export function lasted(ms, language) {
  const [unit, size] = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1000]].find(([, size]) => ms >= 2 * size) ?? ["second", 1000];
  return (ms / size).toLocaleString(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 });
}
