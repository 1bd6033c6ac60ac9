// What the cards of a lineage say, as texts: `lineageWords(texts)` has a function for each thing that is said.
window.lineageWords = (texts) => {
  const language = () => document.documentElement.lang || "en";
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const whole = (number) => number.toLocaleString(language());
  const digits = (number) => number.toLocaleString(language(), { maximumSignificantDigits: 3 });
  const UNITS = [[1, "ms"], [1e3, "s"], [6e4, "min"], [36e5, "h"], [864e5, "d"]];

  // 24 ms, 1.5 s, 2 h 5 min: two units where the first is coarse.
  function duration(ms) {
    const size = Math.abs(ms), at = Math.max(0, UNITS.findLastIndex(([unit]) => size >= unit)), [unit, name] = UNITS[at];
    const sign = ms < 0 ? "−" : "";
    if (at < 2) return `${sign}${digits(size / unit)} ${name}`;
    const [lower, lowerName] = UNITS[at - 1], rest = Math.floor((size % unit) / lower);
    return `${sign}${Math.floor(size / unit)} ${name}${rest ? ` ${rest} ${lowerName}` : ""}`;
  }
  function hop(span) {
    if (!span) return "";
    const least = duration(span.least), most = duration(span.most);
    const [number, unit] = most.split(" "), isSame = least !== most && least.endsWith(` ${unit}`) && most.split(" ").length === 2;
    const range = least === most ? least : isSame ? `${least.split(" ")[0]}–${number} ${unit}` : `${least} – ${most}`;
    return `${span.least >= 0 ? "+" : ""}${range}`;
  }

  const clock = (ms) => ms == null ? "" : points.time(ms).split(" ")[1] ?? "";
  const lost = (why) => texts[`lost_${String(why).replace(/[- ]/g, "_")}`] ?? texts.lost_unknown;
  const nodeOf = (point) => point.node ?? point.context.hostId ?? "";
  const number = (point) => point.value == null ? undefined : points.number(point.value);
  const noValue = (state) => texts[`value_${state}`] ?? texts.value_unknown;

  // What made a value: the function with how many inputs it took, else the step as it is configured.
  function made({ point, neighbours }, contribution) {
    const node = nodeOf(point), what = texts[contribution] ?? contribution;
    if (contribution && contribution !== "simple" && neighbours) return fill(texts.made_of, { what, count: whole(neighbours), node });
    return fill(texts.made_by, { step: point.step ?? texts.step, node });
  }
  function happened(card, contribution, isEnd) {
    const { point, group, chain } = card;
    if (chain.length) return fill(texts.passed_on, { count: whole(chain.length) });
    if (point) {
      if (point.outside) return texts.outside;
      if (point.missing) return lost(point.missing);
      if (point.kind === "out") return made(card, card.forward ? undefined : contribution);
      return fill(isEnd && card.neighbours === 0 ? texts.from_sensor : texts.at_node, { node: nodeOf(point) });
    }
    if (!group) return texts.too_many;
    if (group.outside) return texts.outside;
    const [first, ...others] = group.nodes, node = first?.name ?? first?.node ?? "";
    if (others.length) return fill(texts.at_nodes, { count: whole(group.nodes.length) });
    return group.kind === "out" && group.step ? fill(texts.made_by, { step: group.step, node }) : fill(isEnd ? texts.from_sensor : texts.at_node, { node });
  }

  function title(card, value) {
    const { point, group, chain, count } = card;
    if (point) {
      if (point.outside || point.missing) return texts.no_value;
      if (!value) return "…";
      return number(value) ?? texts.no_value;
    }
    if (chain.length && count === 1) return chain.join(" → ");
    if (group?.kind === "out") return fill(texts.values, { count: whole(count) });
    return count === 1 ? texts.readings_one : fill(texts.readings, { count: whole(count) });
  }
  // What a small card says: pages when they begin and end, others whose they are; below it how many.
  function part(card, isPage) {
    const { least, most } = card.group.timestamps ?? {};
    return (isPage && least != null ? `${second(least)} – ${second(most)}` : who(card)) || title(card);
  }
  const second = (ms) => clock(ms).slice(0, 8);
  function when(card) {
    if (!card.point) return title(card);
    return card.point.missing || card.point.outside ? happened(card) : clock(card.point.context.timestamp);
  }
  function who(card) {
    const { point, group } = card;
    if (point) return [point.context.meterId, clock(point.context.timestamp)].filter(Boolean).join(" · ");
    if (!group) return card.chain.length && card.count > 1 ? card.chain.join(" → ") : "";
    if (group.seriesCount === 1) {
      return group.series[0].meter || group.series[0].metric;
    }
    return group.seriesCount ? fill(texts.meters, { count: whole(group.seriesCount) }) : "";
  }

  return { fill, whole, duration, hop, clock, lost, nodeOf, number, noValue, happened, title, who, part, when };
};
