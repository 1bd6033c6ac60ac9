// What the home page knows. The feed tells what has changed; the views (lists, topology, map) show it.
(() => {
  const options = JSON.parse(document.getElementById("grid-options").textContent), { texts } = options;
  const HEALTH = ["green", "yellow", "red"], FILES = ["working", "impaired", "failed"];
  const base = document.querySelector("link[rel=icon]").href.replace(/logo\.svg$/, "");
  const words = HEALTH.map((health) => JSON.parse(document.getElementById("live-options").textContent).texts[health]);
  const language = () => document.documentElement.lang || "en";
  const formats = {};

  function format(name, given) {
    const key = name + language();
    return formats[key] ??= new Intl.NumberFormat(language(), given);
  }

  const whole = (number) => format("whole", {}).format(number);
  const short = (number) => number >= 1e4
    ? format("compact", { notation: "compact", maximumSignificantDigits: 3 }).format(number)
    : format("short", { maximumSignificantDigits: 3 }).format(number);
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const make = (tag, classes = "", content = "") => Object.assign(document.createElement(tag), { className: classes, textContent: content });
  const sign = (health, size, alt = words[health]) =>
    Object.assign(make("img"), { src: `${base}${FILES[health]}.svg`, alt, width: size, height: size });
  const put = (place, text) => { if (place.textContent !== text) place.textContent = text; };

  const grid = window.grid = { options, texts, words, HEALTH, FILES, base, language, whole, short, fill, make, sign, put, views: [], state: null };

  // What a link passes on, in words: its rate, and what waits when something does.
  grid.flow = (i) => {
    const [, rate, waiting] = grid.state.links[i], passing = `${short(rate)}/s`;
    return waiting ? `${passing} · ${fill(texts.waiting, { count: short(waiting) })}` : passing;
  };

  // The first time that the grid is there to be looked at.
  grid.shown = () => { if (!performance.getEntriesByName("meaningful").length) performance.mark("meaningful"); };

  grid.changed = (change) => { for (const view of grid.views) view(change); };

  function measure(begun) {
    const applied = performance.now() - begun;
    requestAnimationFrame(() => setTimeout(() => window.measured.push([applied, performance.now() - begun])));
  }

  function take(frame) {
    const begun = performance.now();
    if (frame.kind === "whole" || frame.anew) {
      grid.state = frame;
      grid.state.entered = new Set(frame.ends.map(([, target]) => target));
      grid.state.onward = new Map(frame.ends.map(([source], i) => [source, i]));
      grid.changed(null);
    } else if (grid.state) {
      for (const part of ["nodes", "links"]) for (const [i, ...values] of frame[part] ?? []) grid.state[part][i] = values;
      for (const part of ["totals", "alarms", "troubles"]) if (frame[part]) grid.state[part] = frame[part];
      if (!document.hidden) grid.changed(frame);
    } else return;
    if (window.measured && frame.kind === "change") measure(begun); // headwater bench dashboard asks for it.
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden && grid.state) grid.changed(null); });
  live.on(take);
})();
