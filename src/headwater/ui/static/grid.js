// Draws the grid. Its state lives here: the feed tells what has changed, and setOption gets data without layout or style.
(() => {
  const options = JSON.parse(document.getElementById("grid-options").textContent), { texts } = options;
  const HEALTH = ["green", "yellow", "red"], FILES = ["working", "impaired", "failed"];
  const FEW = 15, SOME = 80, TALL_BELOW_PX = 600;
  const base = document.querySelector("link[rel=icon]").href.replace(/logo\.svg$/, "");
  const words = HEALTH.map((health) => JSON.parse(document.getElementById("live-options").textContent).texts[health]);
  const language = () => document.documentElement.lang || "en";
  let chart, state, tall, few, size, colour, symbols, drawn = false;

  const whole = (number) => number.toLocaleString(language());
  const short = (number) => number >= 1e4
    ? new Intl.NumberFormat(language(), { notation: "compact", maximumSignificantDigits: 3 }).format(number)
    : number.toLocaleString(language(), { maximumSignificantDigits: 3 });
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const make = (tag, classes = "", content = "") => Object.assign(document.createElement(tag), { className: classes, textContent: content });
  const plain = (text) => text.replace(/[{}|]/g, " "); // They would be markup in a label.

  // A ring with a sign in it: the sign tells the health without the colour.
  function symbol(health) {
    const sign = ["M10 16.5l4 4 8-9", "M16 9.5v8.5M16 22v.2", "M11 11l10 10M21 11l-10 10"][health];
    const ring = colour[HEALTH[health]], [inside, ink] = health ? [ring, colour.card] : [colour.card, ring];
    return "image://data:image/svg+xml," + encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="128" height="128">
      <circle cx="16" cy="16" r="14.4" fill="${inside}" stroke="${ring}" stroke-width="2.2"/>
      <path d="${sign}" fill="none" stroke="${ink}" stroke-width="2.8" stroke-linecap="round" stroke-linejoin="round"/></svg>`);
  }

  function node(i) {
    const [health, received, sent, waiting] = state.nodes[i], [u, v] = state[tall ? "tall" : "wide"][i];
    const [w, h] = [chart.getWidth(), chart.getHeight()], name = plain(state.names[i]);
    const isEntry = !state.entered.has(i), isEnd = !state.sends.has(i);
    const onward = isEnd ? "" : tall && waiting ? fill(texts.waiting, { count: short(waiting) }) : `↑ ${short(sent)}`;
    return {
      name: String(i), symbol: symbols[health], symbolSize: few || !health ? size : size * 1.25,
      x: tall ? 16 + v * (w - 32) : 90 + u * (w - 180),
      y: tall ? 36 + u * (h - (few ? 130 : 76)) : 20 + v * (h - (few ? 84 : 60)),
      label: {
        show: few || (!tall && (health > 0 || state.names.length < SOME)) || isEnd,
        position: isEntry && !few && !tall ? "left" : "bottom",
        formatter: few ? `{name|${name}}\n{rate|↓ ${short(received)}${tall ? "}\n{rate|" : "  "}${onward}}` : name,
      },
    };
  }

  function link(i) {
    const [source, target] = state.ends[i], [health, , waiting] = state.links[i];
    const opacity = health ? 1 : few ? 0.6 : state.names.length < SOME ? 0.4 : 0.25;
    return {
      source, target,
      label: { show: few && !tall && waiting > 0, formatter: fill(texts.waiting, { count: short(waiting) }) },
      lineStyle: { color: colour[HEALTH[health]], width: health || few ? 2 : 1.2, opacity, type: health === 2 ? [6, 5] : "solid" },
    };
  }

  // Two unseen corners make the series fill its box, so that places are pixels and letters keep their size.
  function series() {
    const corner = (name, x, y) => ({ name, x, y, symbolSize: 0, label: { show: false } });
    const corners = [corner("nw", 0, 0), corner("se", chart.getWidth(), chart.getHeight())];
    const links = state.ends.map((_, i) => i).filter((i) => state.ends[i][1] >= 0);
    return { data: [...state.names.map((_, i) => node(i)), ...corners], links: links.map(link) };
  }

  function about({ dataType, dataIndex: i }) {
    if (dataType !== "node" || !state.nodes[i]) return "";
    const [health, received, sent, waiting] = state.nodes[i];
    const rates = fill(texts.about, { received: short(received), sent: short(sent), waiting: short(waiting) });
    return `${plain(state.names[i])}: ${words[health]}\n${rates}`;
  }

  function draw() {
    if (!chart || !state) return;
    const style = getComputedStyle(document.body), family = "Roboto, sans-serif";
    const text = (fontSize, lineHeight, color) => ({ fontSize, lineHeight, color, align: "center" });
    colour = Object.fromEntries(["ink", "quiet", "card", "line", ...HEALTH].map((name) => [name, style.getPropertyValue("--" + name).trim()]));
    symbols = [0, 1, 2].map(symbol);
    [tall, few] = [chart.getWidth() < TALL_BELOW_PX, state.names.length < FEW];
    size = few ? (tall ? 38 : 46) : state.names.length < SOME ? (tall ? 17 : 21) : tall ? 10 : 14;
    chart.setOption({
      animation: false, textStyle: { fontFamily: family },
      tooltip: {
        renderMode: "richText", backgroundColor: colour.card, borderColor: colour.line, formatter: about,
        textStyle: { color: colour.ink, fontSize: 12.5, fontFamily: family },
      },
      series: [{
        type: "graph", layout: "none", left: 0, top: 0, right: 0, bottom: 0, roam: true, scaleLimit: { min: 0.7, max: 8 },
        edgeSymbol: ["none", "arrow"], edgeSymbolSize: few ? 9 : 5,
        label: {
          fontFamily: family, distance: few ? 7 : 4, color: colour.ink, fontSize: 11.5, textBorderColor: colour.card, textBorderWidth: 3,
          ...(few && tall && { backgroundColor: colour.card }),
          rich: { name: text(tall ? 11 : 14, tall ? 16 : 20, colour.ink), rate: text(tall ? 10.5 : 12.5, tall ? 13 : 17, colour.quiet) },
        },
        labelLayout: { hideOverlap: !few },
        edgeLabel: {
          fontFamily: family, fontSize: 12, color: colour.ink, backgroundColor: colour.card, padding: [3, 6],
          position: "middle", rotate: 0, align: "center", verticalAlign: "middle",
        },
        emphasis: { focus: "adjacency", scale: 1.1 }, blur: { itemStyle: { opacity: 0.25 }, lineStyle: { opacity: 0.1 } },
        ...series(),
      }],
    });
    if (!drawn) performance.mark("meaningful");
    drawn = true;
  }

  const place = (key) => document.querySelector(`[data-total=${key}]`);

  function showTotals() {
    const { sent, delivered, buffered, dropped } = state.totals, missing = sent - delivered - buffered - dropped;
    for (const [key, value] of Object.entries(state.totals)) place(key).textContent = key === "rate" ? short(value) : whole(value);
    place("proof").classList.toggle("wrong", missing !== 0);
    place("proof").textContent = missing ? `✕ ${fill(texts.unbalanced, { count: whole(missing) })}` : `✓ ${texts.balanced}`;
    place("nodes").textContent = fill(texts.nodes, { count: whole(state.names.length) });
  }

  function alarm({ part, node: id, name, target, since, evidence, explains }) {
    const card = make("article", "alarm failed"), words = make("div"), sign = make("img");
    Object.assign(sign, { src: `${base}failed.svg`, alt: "", width: 28, height: 28 });
    const title = make(id ? "a" : "span", "title", fill(texts[`part_${part}`], { name, target }));
    if (id) title.href = `/node/${id}`;
    const began = fill(texts.since, { time: new Date(since).toLocaleTimeString(language()) });
    const more = explains === 0 ? "" : fill(explains === 1 ? texts.explains_one : texts.explains_many, { count: explains });
    words.append(title, make("div", "cause", evidence), make("div", "quiet", [began, more].filter(Boolean).join(" · ")));
    card.append(sign, words);
    return card;
  }

  function showAlarms() {
    document.getElementById("alarms").replaceChildren(...state.alarms.map(alarm));
  }

  // The same as a list: for keyboards, for who cannot see the drawing, and for small screens.
  function row(i) {
    const [health, received, sent, waiting] = state.nodes[i], item = make("li", FILES[health]), name = make("a", "name", state.names[i]);
    name.href = `/node/${state.ids[i]}`;
    const sign = Object.assign(make("img"), { src: `${base}${FILES[health]}.svg`, alt: words[health], width: 18, height: 18 });
    const rates = fill(texts.about, { received: short(received), sent: short(sent), waiting: short(waiting) }).replace("\n", " · ");
    item.append(sign, name, make("span", "quiet", rates));
    return item;
  }

  function showNodes() {
    const worstFirst = state.names.map((_, i) => i).sort((a, b) => state.nodes[b][0] - state.nodes[a][0] || a - b);
    const list = document.getElementById("nodes"), focused = document.activeElement?.getAttribute("href");
    list.replaceChildren(...worstFirst.map(row));
    if (focused && !document.activeElement?.getAttribute("href")) list.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }

  function take(frame) {
    if (frame.kind === "whole" || frame.anew) {
      state = frame;
      state.entered = new Set(frame.ends.map(([, target]) => target));
      state.sends = new Set(frame.ends.map(([source]) => source));
      showAlarms();
      draw();
    } else if (state) {
      const begun = performance.now();
      for (const part of ["nodes", "links"]) for (const [i, ...values] of frame[part] ?? []) state[part][i] = values;
      if (frame.totals) state.totals = frame.totals;
      if (frame.alarms) { state.alarms = frame.alarms; showAlarms(); }
      if (chart && !document.hidden && (frame.nodes || frame.links)) chart.setOption({ series: [series()] });
      performance.measure("apply", { start: begun });
    } else return;
    if (!document.hidden) { showTotals(); showNodes(); }
  }

  function start() {
    chart = typeof mounted_app !== "undefined" && mounted_app && getElement(options.chart)?.chart;
    if (!chart) return setTimeout(start, 20);
    chart.on("click", ({ dataType, dataIndex }) => dataType === "node" && state.ids[dataIndex] && (location.href = `/node/${state.ids[dataIndex]}`));
    new MutationObserver(draw).observe(document.body, { attributeFilter: ["class"] });
    new ResizeObserver(() => requestAnimationFrame(draw)).observe(chart.getDom());
    document.addEventListener("visibilitychange", () => { if (!document.hidden && state) { draw(); showTotals(); showNodes(); } });
    draw();
  }

  live.on(take);
  start();
})();
