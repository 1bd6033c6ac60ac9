// Draws the topology: style and layout once, then setOption gets data alone, so that zoom and place stay.
(() => {
  const { options, texts, words, HEALTH, short, fill } = grid;
  const FEW = 15, SOME = 80, TALL_BELOW_PX = 600, SIGNS = ["", "! ", "✕ "];
  let chart, tall, few, size, colour, symbols, drawn = "";

  const plain = (text) => text.replace(/[{}|]/g, " "); // They would be markup in a label.
  const isShown = () => chart && !chart.getDom().hidden;

  // A ring with a sign in it: the sign tells the health without the colour.
  function symbol(health) {
    const sign = ["M10 16.5l4 4 8-9", "M16 9.5v8.5M16 22v.2", "M11 11l10 10M21 11l-10 10"][health];
    const ring = colour[HEALTH[health]], [inside, ink] = health ? [ring, colour.card] : [colour.card, ring];
    return "image://data:image/svg+xml," + encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="128" height="128">
      <circle cx="16" cy="16" r="14.4" fill="${inside}" stroke="${ring}" stroke-width="2.2"/>
      <path d="${sign}" fill="none" stroke="${ink}" stroke-width="2.8" stroke-linecap="round" stroke-linejoin="round"/></svg>`);
  }

  // What the drawing is made from: of many nodes it shows no rates.
  const looks = ({ nodes, links }) => [...nodes, ...links].map((values) => few ? values.join() : values[0]).join(" ");

  function node(state, i) {
    const [health, received, sent] = state.nodes[i], [u, v] = state[tall ? "tall" : "wide"][i];
    const [w, h] = [chart.getWidth(), chart.getHeight()], name = plain(state.names[i]);
    const isEntry = !state.entered.has(i), isEnd = !state.onward.has(i);
    const rates = [`↓ ${short(received)}`, ...(isEnd ? [] : [`↑ ${short(sent)}`])].join(tall ? "}\n{rate|" : "  ");
    return {
      name: String(i), symbol: symbols[health], symbolSize: few || !health ? size : size * 1.25,
      x: tall ? 16 + v * (w - 32) : 90 + u * (w - 180),
      y: tall ? 36 + u * (h - (few ? 130 : 76)) : 20 + v * (h - (few ? 84 : 60)),
      label: {
        show: few || (!tall && (health > 0 || state.names.length < SOME)) || isEnd,
        position: isEntry && !few && !tall ? "left" : "bottom",
        formatter: few ? `{name|${name}}\n{rate|${rates}}` : name,
      },
    };
  }

  function link(state, i) {
    const [source, target] = state.ends[i], [health] = state.links[i];
    const opacity = health ? 1 : few ? 0.6 : state.names.length < SOME ? 0.4 : 0.25;
    const told = few && !tall ? SIGNS[health] + grid.flow(i) : SIGNS[health].trim(); // The list says the rest.
    return {
      source, target, at: i,
      label: { show: told !== "", formatter: told, color: health ? colour[HEALTH[health]] : colour.quiet },
      lineStyle: { color: colour[HEALTH[health]], width: health || few ? 2 : 1.2, opacity, type: health === 2 ? [6, 5] : "solid" },
    };
  }

  // Two unseen corners make the series fill its box, so that places are pixels and letters keep their size.
  function series(state) {
    const corner = (name, x, y) => ({ name, x, y, symbolSize: 0, label: { show: false } });
    const corners = [corner("nw", 0, 0), corner("se", chart.getWidth(), chart.getHeight())];
    const links = state.ends.map((_, i) => i).filter((i) => state.ends[i][1] >= 0);
    return { data: [...state.names.map((_, i) => node(state, i)), ...corners], links: links.map((i) => link(state, i)) };
  }

  function about({ dataType, dataIndex: i, data }) {
    const { state } = grid;
    if (dataType === "edge") {
      const [source, target] = state.ends[data.at].map((end) => plain(state.names[end]));
      return `${source} → ${target}: ${words[state.links[data.at][0]]}\n${grid.flow(data.at)}`;
    }
    if (!state.nodes[i]) return "";
    const [health, received, sent, waiting] = state.nodes[i];
    const rates = fill(texts.about, { received: short(received), sent: short(sent), waiting: short(waiting) });
    return `${plain(state.names[i])}: ${words[health]}\n${rates}`;
  }

  function draw() {
    if (!grid.state || !isShown()) return;
    const style = getComputedStyle(document.body), family = "Roboto, sans-serif";
    const text = (fontSize, lineHeight, color) => ({ fontSize, lineHeight, color, align: "center" });
    colour = Object.fromEntries(["ink", "quiet", "card", "line", ...HEALTH].map((name) => [name, style.getPropertyValue("--" + name).trim()]));
    symbols = [0, 1, 2].map(symbol);
    const count = grid.state.names.length;
    [tall, few] = [chart.getWidth() < TALL_BELOW_PX, count < FEW];
    size = few ? (tall ? 38 : 46) : count < SOME ? (tall ? 17 : 21) : tall ? 10 : 14;
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
          fontFamily: family, fontSize: 12, backgroundColor: colour.card, padding: [3, 6], borderRadius: 6,
          position: "middle", distance: 0, rotate: 0, align: "center", verticalAlign: "middle", opacity: 1,
        },
        emphasis: { focus: "adjacency", scale: 1.1 }, blur: { itemStyle: { opacity: 0.25 }, lineStyle: { opacity: 0.1 } },
        ...series(grid.state),
      }],
    });
    drawn = looks(grid.state);
    grid.shown();
  }

  function start() {
    chart = typeof mounted_app !== "undefined" && mounted_app && getElement(options.chart)?.chart;
    if (!chart) return setTimeout(start, 20);
    chart.on("click", ({ dataType, dataIndex }) => {
      if (dataType === "node" && grid.state.ids[dataIndex]) location.href = `/node/${grid.state.ids[dataIndex]}`;
    });
    new MutationObserver(draw).observe(document.body, { attributeFilter: ["class"] });
    new ResizeObserver(() => requestAnimationFrame(draw)).observe(chart.getDom());
    draw();
  }

  grid.views.push((change) => {
    if (!change) return draw();
    if (!drawn || !isShown() || looks(grid.state) === drawn) return;
    drawn = looks(grid.state);
    chart.setOption({ series: [series(grid.state)] });
  });
  start();
})();
