// Alarms, totals, and the same as the drawing as a list: for keyboards, for who cannot see it, and for small screens.
(() => {
  const { texts, words, FILES, base, language, whole, short, fill, make, sign, put } = grid;
  const cards = new Map();
  let rows = [], order = "";

  const place = (key) => document.querySelector(`[data-total=${key}]`);
  const said = (sentence) => {
    const text = sentence[language().slice(0, 2)] ?? sentence.en;
    return text.charAt(0).toUpperCase() + text.slice(1);
  };
  const named = (one) => fill(texts[`named_${one.part}`], one);

  // Nothing to draw or sum up yet: what to do is said instead.
  function showEmpty({ names }) {
    for (const part of document.querySelectorAll(".totals, .legend")) part.hidden = !names.length;
    document.getElementById("empty").hidden = names.length > 0;
  }

  function showTotals({ totals, names }) {
    const { sent, delivered, buffered, dropped } = totals, missing = sent - delivered - buffered - dropped;
    for (const [key, value] of Object.entries(totals)) put(place(key), key === "rate" ? short(value) : whole(value));
    place("proof").classList.toggle("wrong", missing !== 0);
    put(place("proof"), missing ? `✕ ${fill(texts.unbalanced, { count: whole(missing) })}` : `✓ ${texts.balanced}`);
    put(place("nodes"), fill(names.length === 1 ? texts.nodes_one : texts.nodes, { count: whole(names.length) }));
  }

  function explained({ explains, more }) {
    const all = explains.map(named);
    if (more) all.push(fill(texts.more, { count: whole(more) }));
    return all.length ? fill(texts.explains, { list: all.join(", ") }) : "";
  }

  function alarmCard({ part, node: id, name, target }) {
    const card = make("article", "alarm failed"), lines = make("div");
    const title = make(id ? "a" : "span", "title", fill(texts[`part_${part}`], { name, target }));
    if (id) title.href = `/node/${id}`;
    card.lines = ["cause", "doubt quiet", "explained quiet", "began quiet"].map((classes) => make("div", classes));
    lines.append(title, ...card.lines);
    card.append(sign(2, 28, ""), lines);
    return card;
  }

  // An alarm stays the same element while it lasts, so that it is read out once.
  function showAlarms({ alarms }) {
    const here = new Map(alarms.map((alarm) => [[alarm.part, alarm.node, alarm.target].join(" "), alarm]));
    for (const [key, card] of cards) if (!here.has(key)) { card.remove(); cards.delete(key); }
    for (const [key, alarm] of here) {
      if (!cards.has(key)) cards.set(key, document.getElementById("alarms").appendChild(alarmCard(alarm)));
      const began = fill(texts.since, { time: new Date(alarm.since).toLocaleTimeString(language()) });
      const doubt = alarm.doubt ? fill(texts.doubt, { doubt: said(alarm.doubt) }) : "";
      [said(alarm.evidence), doubt, explained(alarm), began].forEach((text, i) => {
        put(cards.get(key).lines[i], text);
        cards.get(key).lines[i].hidden = !text;
      });
    }
  }

  function showTroubles({ troubles: [told, more] }) {
    const list = document.getElementById("troubles");
    const items = told.map((one) => {
      const item = make("li"), title = make(one.node ? "a" : "span", "name", named(one));
      if (one.node) title.href = `/node/${one.node}`;
      item.append(sign(one.health, 18), title, make("span", "quiet", said(one.evidence)));
      return item;
    });
    if (more) items.push(make("li", "quiet", fill(texts.more, { count: whole(more) })));
    list.replaceChildren(...items);
    list.hidden = !items.length;
  }

  function rowOf(state, i) {
    const item = make("li"), link = state.onward.get(i), parts = { item, link, shown: "" };
    const name = Object.assign(make("a", "name", state.names[i]), { href: `/node/${state.ids[i]}` });
    parts.sign = sign(0, 18);
    parts.rates = make("span", "quiet");
    item.append(parts.sign, name, parts.rates);
    if (link !== undefined) {
      const target = state.names[state.ends[link][1]] ?? texts.unknown, onward = make("div", "onward");
      parts.linkSign = sign(0, 14);
      parts.flow = make("span", "quiet");
      onward.append(parts.linkSign, make("span", "target", `→ ${target}`), parts.flow);
      item.append(onward);
    }
    return parts;
  }

  function fillRow(state, i) {
    const row = rows[i], [health, received] = state.nodes[i], link = state.links[row.link];
    put(row.rates, fill(texts.receives, { rate: short(received) }));
    if (link) put(row.flow, grid.flow(row.link));
    if (row.shown === `${health} ${link?.[0]}`) return;
    row.shown = `${health} ${link?.[0]}`;
    row.item.className = FILES[health];
    Object.assign(row.sign, { src: `${base}${FILES[health]}.svg`, alt: words[health] });
    if (!link) return;
    row.linkSign.parentElement.className = `onward ${FILES[link[0]]}`;
    Object.assign(row.linkSign, { src: `${base}${FILES[link[0]]}.svg`, alt: fill(texts.link, { word: words[link[0]] }) });
  }

  const worst = (state, i) => Math.max(state.nodes[i][0], state.links[rows[i].link]?.[0] ?? 0);

  function showNodes(state, isNew) {
    const list = document.getElementById("nodes");
    if (isNew) rows = state.names.map((_, i) => rowOf(state, i));
    const worstFirst = rows.map((_, i) => i).sort((a, b) => worst(state, b) - worst(state, a) || a - b);
    rows.forEach((_, i) => fillRow(state, i));
    if (!isNew && order === worstFirst.join()) return;
    const focused = list.contains(document.activeElement) && document.activeElement.getAttribute("href");
    order = worstFirst.join();
    list.replaceChildren(...worstFirst.map((i) => rows[i].item));
    if (focused) list.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  grid.views.push((change) => {
    if (!document.getElementById("nodes")) return setTimeout(() => grid.changed(null), 20); // Not mounted yet.
    if (!change) showEmpty(grid.state);
    if (!change || change.totals) showTotals(grid.state);
    if (!change || change.alarms) showAlarms(grid.state);
    if (!change || change.troubles) showTroubles(grid.state);
    if (!change || change.nodes || change.links) showNodes(grid.state, !change);
  });
})();
