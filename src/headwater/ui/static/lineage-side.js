// The side panel: every context parameter of the chosen card, in words.
window.lineageSide = (texts, words) => {
  const { fill, whole } = words;
  const base = document.querySelector("link[rel=icon]").href.replace(/logo\.svg$/, "");
  const SIGNS = { Green: ["working", "green"], Yellow: ["impaired", "yellow"], Red: ["failed", "red"] };
  const NAMED = 8;
  const make = (tag, classes = "", content = "") => Object.assign(document.createElement(tag), { className: classes, textContent: content });

  function facts(rows) {
    const list = make("dl", "facts");
    for (const [label, value, classes = ""] of rows) {
      if (value == null || value === "") continue;
      const row = make("div", "fact"), content = make("dd", classes);
      content.append(value);
      row.append(make("dt", "quiet", label), content);
      list.append(row);
    }
    return list;
  }

  function health(point) {
    const list = make("ul", "health");
    for (const part of ["node", "pipeline", "provenance", "link"]) {
      const [file, word] = SIGNS[point.health?.[part]] ?? [];
      if (!file) continue;
      const item = make("li"), sign = Object.assign(make("img"), { src: `${base}${file}.svg`, alt: "", width: 14, height: 14 });
      item.append(sign, `${texts[`part_${part}`]} ${texts[word]}`);
      list.append(item);
    }
    return list.children.length ? list : null;
  }

  const place = (loc) => loc && [loc.lable, loc.latitude || loc.longitude ? `${loc.latitude}, ${loc.longitude}` : ""].filter(Boolean).join(" · ");
  const origin = ({ origin }) => origin && fill(texts[`origin_${origin.kind}`], { stream: origin.stream, number: whole(origin.number) });
  const named = (rows) => [...rows.slice(0, NAMED), ...(rows.length > NAMED ? [fill(texts.more, { count: whole(rows.length - NAMED) })] : [])].join("\n");

  function ofPoint(card, value, contribution, hop, isEnd) {
    const { point, neighbours } = card, { context } = point;
    const said = value && (words.number(value) ?? words.noValue(value.valueState));
    const stayed = context.sendTime == null || context.receiveTime == null ? null : words.duration(context.sendTime - context.receiveTime);
    return [
      [texts.value, point.missing || point.outside ? texts.no_value : said ?? "…", "strong"],
      [texts.metric, context.metricId], [texts.meter, context.meterId], [texts.happened, words.happened(card, contribution, isEnd)],
      [texts.node, words.nodeOf(point)], [texts.place, place(context.loc)],
      [texts.measured, context.timestamp == null ? null : points.time(context.timestamp)],
      [point.kind === "out" ? texts.made : texts.received, context.receiveTime == null ? null : points.time(context.receiveTime)],
      [texts.sent, context.sendTime == null ? null : points.time(context.sendTime)],
      [texts.stayed, stayed], [texts.hop, hop],
      [texts.application, context.appName], [texts.class_name, context.className], [texts.line, context.lineNo == null ? null : String(context.lineNo)],
      [texts.step, point.step], [card.forward ? texts.outputs : texts.inputs, neighbours > 1 || (neighbours && point.kind === "out") ? whole(neighbours) : null],
      [texts.health_then, health(point)], [texts.origin, origin(point)], [texts.trace, point.traceparent, "mono"], [texts.id, point.id, "mono"],
    ];
  }

  function ofGroup(card, hop, isEnd) {
    const { group } = card;
    const missing = Object.entries(group?.missing ?? {}).map(([why, count]) => fill(texts.missing, { count: whole(count), why: words.lost(why) }));
    return [
      [texts.happened, words.happened(card, undefined, isEnd)],
      [texts.node, group && named(group.nodes.map(({ node, name, count }) => `${name ?? node}: ${whole(count)}`))],
      [texts.meter, group && named(group.series.map(({ meter, metric, count }) => `${[meter, metric].filter(Boolean).join(" · ")}: ${whole(count)}`))],
      [texts.period, group?.timestamps && points.time(group.timestamps.least)], [texts.until, group?.timestamps && points.time(group.timestamps.most)],
      [texts.received, group?.received && [...new Set([group.received.least, group.received.most])].map((at) => points.time(at)).join("\n")],
      [texts.step, group?.step], [texts.hop, hop], [texts.lost_unknown, missing.length ? missing.join("\n") : null],
    ];
  }

  // What the panel says of a card; `line` is what leads on from it to the next card.
  function show(side, { card, value, contribution, line, isRoot, isEnd }) {
    const heading = card.point ? texts.point_title : card.chain.length ? texts.chain_title : words.title(card);
    const hop = words.hop(line?.hop);
    const rows = card.point ? ofPoint(card, value, contribution, hop, isEnd)
      : card.chain.length ? [[texts.node, card.chain.join("\n")], [texts.stayed, words.hop(card.within)], [texts.hop, hop]]
      : ofGroup(card, hop, isEnd);
    side.replaceChildren(make("h2", "", heading), facts(rows));
    if (line?.hop?.least < 0) side.append(make("p", "quiet small", texts.clocks));
    if (card.point && !isRoot && !card.point.outside) side.append(Object.assign(make("a", "chip", texts.own_lineage), { href: `/lineage/${card.point.id}` }));
    side.hidden = false;
  }

  return { show };
};
