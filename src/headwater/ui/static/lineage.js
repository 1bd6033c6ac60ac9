// Draws a lineage: what is opened is in the address, where everything stands comes from the server, cards are buttons.
(() => {
  const { id, texts } = JSON.parse(document.getElementById("lineage-options").textContent);
  const SVG = "http://www.w3.org/2000/svg", RETRY_MS = 2000, DEPTH = 8, DEPTH_MORE = 8, NEWEST = 8;
  const HEIGHT = 98, LOW = 46, SPACE = 16, GAP = 76, [LEAST, MOST] = [164, 216], [STEP_TALL, COLUMN_TALL] = [180, 150];
  const words = lineageWords(texts), { fill } = words, narrow = matchMedia("(max-width: 760px)");
  const values = new Map(); // By id, as long as the page lives: a value never changes.
  let drawing, chosen, asking = 0, side, place, started = performance.now();

  const at = (name) => document.getElementById(name);
  const make = (tag, classes = "", content = "") => Object.assign(document.createElement(tag), { className: classes, textContent: content });
  function svg(tag, attributes, content = "") {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = content;
    return element;
  }

  // What is chosen to be seen is in the address, so that it can be shared and gone back to.
  function view() {
    const query = new URLSearchParams(location.search);
    return {
      opened: (query.get("open") ?? "").split(",").filter(Boolean), forward: query.get("forward") === "1",
      depth: Number(query.get("depth")) || DEPTH, card: query.get("card"),
    };
  }
  function address({ opened, forward, depth, card }) {
    const query = [opened.length && `open=${opened.join(",")}`, forward && "forward=1", depth !== DEPTH && `depth=${depth}`, card && card !== id && `card=${card}`];
    return `/lineage/${encodeURIComponent(id)}${query.some(Boolean) ? `?${query.filter(Boolean).join("&")}` : ""}`;
  }
  function go(change, anchor) {
    history.pushState(null, "", address({ ...view(), ...change }));
    return draw(anchor);
  }
  function toggle(key) {
    const { opened } = view(), isOpen = opened.includes(key);
    return go({ opened: isOpen ? opened.filter((other) => other !== key && !other.startsWith(`${key}.`)) : [...opened, key] }, key);
  }

  async function ask({ opened, forward, depth }) {
    const query = new URLSearchParams({ open: opened.join(","), depth, ...(forward && { forward: 1 }) });
    try {
      const reply = await fetch(`/lineage-drawing/${encodeURIComponent(id)}?${query}`);
      return reply.ok ? await reply.json() : { problem: "away" };
    } catch {
      return { problem: "away" };
    }
  }

  async function draw(anchor, asked = ask(view())) {
    const number = ++asking, { opened, forward, card } = view(), answer = await asked;
    if (number !== asking) return;
    if (answer.problem) return refuse(answer.problem);
    drawing = { ...answer, at: new Map(answer.cards.map((placed) => [placed.card.key, placed])) };
    const isThere = (key) => drawing.at.has(key);
    chosen = [card, chosen, drawing.id].find(isThere) ?? drawing.cards[0].card.key;
    at("tools").hidden = false;
    at("forward").setAttribute("aria-pressed", String(forward));
    at("fold").disabled = opened.length === 0;
    show(anchor);
    if (drawing.incomplete) setTimeout(() => number === asking && draw(anchor ?? chosen), RETRY_MS);
    await askValues();
  }

  function refuse(problem) {
    at("tools").hidden = problem !== "too-large";
    side.hidden = true;
    say("");
    place.replaceChildren(make("p", "refusal", fill(texts[`problem_${problem.replace("-", "_")}`], { id })));
    if (problem === "away") setTimeout(() => draw(), RETRY_MS);
  }

  function say(sentence, isWrong = false) {
    const notice = at("notice");
    notice.textContent = sentence;
    notice.classList.toggle("wrong", isWrong);
  }

  // Wide: inputs left of what they made. Tall: the newest on top.
  function geometry() {
    const columns = 1 + Math.max(...drawing.cards.map(({ column }) => column));
    const high = ({ card }) => card.is_part && !narrow.matches ? LOW : HEIGHT, step = HEIGHT + SPACE;
    const room = place.clientWidth - 48, w = Math.round(Math.min(MOST, Math.max(LEAST, (room - (columns - 1) * GAP) / columns)));
    if (narrow.matches) {
      const spot = ({ column, tall }) => [tall * STEP_TALL - STEP_TALL / 2, (columns - 1 - column) * COLUMN_TALL];
      return { w: LEAST, high, spot, width: Math.max(...drawing.cards.map((placed) => spot(placed)[0])) + LEAST, height: (columns - 1) * COLUMN_TALL + HEIGHT };
    }
    const spot = (placed) => [placed.column * (w + GAP), placed.row * step - (high(placed) + SPACE) / 2];
    return { w, high, spot, width: columns * (w + GAP) - GAP, height: Math.max(...drawing.cards.map((placed) => spot(placed)[1] + high(placed))) };
  }

  // What a card's own inputs contributed to it.
  const contribution = (key) => drawing.lines.find(({ target, source }) => target === key && !drawing.at.get(source)?.card.forward)?.contribution;
  // Nothing stands before it: this is where it came from the sensors.
  const isEnd = (card) => !card.forward && !card.further && !card.opens && !drawing.lines.some(({ target }) => target === card.key);
  const isMany = ({ group, chain, point }) => !point || Boolean(group) || chain.length > 0;

  function cardOf(placed, { spot, high, w }) {
    const { card } = placed, [x, y] = spot(placed), many = isMany(card), button = make("button", `point${many ? " many" : ""}${card.key === chosen ? " on" : ""}${card.key === drawing.id ? " root" : ""}`);
    button.type = "button";
    button.dataset.key = card.key;
    button.style.cssText = `left:${x}px;top:${y}px;width:${w}px;height:${high(placed)}px`;
    if (card.is_part) button.classList.add("part");
    if (card.point?.missing) button.classList.add("lost");
    const isPage = card.is_part && drawing.at.get(drawing.lines.find(({ source, target }) => source === card.key || target === card.key)?.[card.forward ? "source" : "target"])?.card.group?.seriesCount === 1;
    const title = make("span", "what", card.is_part && card.group ? words.part(card, isPage) : words.title(card, values.get(card.point?.id)));
    if (card.point) title.dataset.value = card.point.id;
    const line = make("span", "what-line");
    line.append(title, make("span", "metric", card.is_part ? "" : card.point?.context.metricId ?? ""));
    button.append(line);
    if (!card.is_part) button.append(make("span", "where", words.who(card)), make("span", "where happened", words.happened(card, contribution(card.key), isEnd(card))));
    if (card.is_part) button.append(make("span", "where", words.when(card)));
    if (card.opens && many) {
      button.setAttribute("aria-expanded", String(card.is_open));
      (card.is_part ? button.lastChild : button).append(make("span", "fold", card.is_open ? texts.close : texts.open));
    } else if (card.point && !card.is_part) button.append(make("span", "where mono small", card.point.id));
    if (card.key === chosen) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      choose(card.key);
      if (card.opens && many) toggle(card.opens);
    });
    return button;
  }

  // Beside a card: what shows more of where it leads on to, or less.
  function growOf(placed, { spot, high, w }) {
    const { card } = placed, [x, y] = spot(placed);
    const [sign, label, does] = card.closes ? ["−", texts.fold_chain, () => toggle(card.closes)]
      : card.point && card.opens ? [card.is_open ? "−" : "+", card.is_open ? texts.close : card.forward ? texts.open_outputs : texts.open_inputs, () => toggle(card.opens)]
      : card.further ? ["+", texts.further, () => go({ depth: view().depth + DEPTH_MORE }, card.key)] : [];
    if (!sign) return [];
    const button = make("button", "grow", sign), [dx, dy] = narrow.matches ? [w / 2, card.forward ? 0 : HEIGHT] : [card.forward ? w : 0, high(placed) / 2];
    button.type = "button";
    button.title = label;
    button.setAttribute("aria-label", label);
    button.dataset.grow = card.key;
    button.style.cssText = `left:${x + dx}px;top:${y + dy}px`;
    button.addEventListener("click", does);
    return [button];
  }

  function curve({ source, target, hop }, { spot, high, w }) {
    const from = drawing.at.get(source), to = drawing.at.get(target), [x1, y1] = spot(from), [x2, y2] = spot(to), side = isMany(from.card) ? 8 : 0;
    const ends = narrow.matches ? [x1 + w / 2, y1, x2 + w / 2, y2 + HEIGHT] : [x1 + w + side, y1 + high(from) / 2, x2, y2 + high(to) / 2], [a, b, c, d] = ends;
    const [mx, my] = [(a + c) / 2, (b + d) / 2];
    const path = narrow.matches ? `M${a} ${b}C${a} ${my} ${c} ${my} ${c} ${d}` : `M${a} ${b}C${mx} ${b} ${mx} ${d} ${c} ${d}`;
    const isOneOfMany = (to.card.forward ? to : from).card.is_part;
    const drawn = [svg("path", { d: path, ...(isOneOfMany && { class: "thin" }) })], said = isOneOfMany ? "" : words.hop(hop);
    if (said) {
      // Beside the end that no other line shares, on the side that the line does not turn to.
      const [x, y, away, sign] = to.card.forward ? [c, d, b - d, -1] : [a, b, d - b, 1];
      const spot = narrow.matches ? [x, y - sign * 14 + 4] : [x + sign * (GAP - side) / 2, y + (away < -1 ? 15 : -6)];
      drawn.push(svg("text", { x: spot[0], y: spot[1] }, said));
    }
    return drawn;
  }

  function show(anchor) {
    const before = anchor && place.querySelector(`[data-key="${CSS.escape(anchor)}"]`)?.getBoundingClientRect();
    const focused = document.activeElement?.dataset?.key ?? document.activeElement?.dataset?.grow, hadScroll = [place.scrollLeft, place.scrollTop];
    const shape = geometry(), dag = make("div", "dag"), lines = svg("svg", { "aria-hidden": "true", width: shape.width, height: shape.height });
    dag.style.cssText = `width:${shape.width}px;height:${shape.height}px`;
    lines.append(...drawing.lines.flatMap((line) => curve(line, shape)));
    const inOrder = [...drawing.cards].sort((a, b) => b.column - a.column || a.row - b.row);
    dag.append(lines, ...inOrder.flatMap((placed) => [cardOf(placed, shape), ...growOf(placed, shape)]));
    place.replaceChildren(dag);
    [place.scrollLeft, place.scrollTop] = hadScroll;
    if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    const now = anchor && place.querySelector(`[data-key="${CSS.escape(anchor)}"]`)?.getBoundingClientRect();
    // What was clicked stays under the pointer, whatever has grown around it.
    if (before && now) { place.scrollLeft += now.left - before.left; place.scrollTop += now.top - before.top; }
    else if (!anchor) place.querySelector(".on")?.scrollIntoView({ block: "center", inline: "center" });
    const trouble = ["crowded", "refused", "incomplete"].find((each) => drawing[each]);
    say(trouble ? texts[trouble] : "", Boolean(trouble));
    showTitle();
    showSide();
    if (!performance.getEntriesByName("meaningful").length) performance.mark("meaningful");
    performance.measure("shown", { start: started });
  }

  function choose(key) {
    chosen = key;
    history.replaceState(null, "", address({ ...view(), card: key }));
    for (const button of place.querySelectorAll(".point")) {
      const isOn = button.dataset.key === key;
      button.classList.toggle("on", isOn);
      isOn ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current");
    }
    showSide();
  }

  function showSide() {
    const { card } = drawing.at.get(chosen), line = drawing.lines.find((each) => (card.forward ? each.target : each.source) === chosen);
    lineageSide(texts, words).show(side, { card, value: values.get(card.point?.id), contribution: contribution(chosen), isEnd: isEnd(card), line, isRoot: chosen === drawing.id });
  }

  function showTitle() {
    const { point } = drawing.at.get(drawing.id).card, value = values.get(drawing.id), number = value && words.number(value);
    const said = number === undefined ? texts.this_value : [number, point.context.metricId].filter(Boolean).join(" ");
    at("title").textContent = fill(drawing.forward ? texts.title_both : texts.title_value, { value: said });
    const { timestamp, receiveTime } = point.context;
    at("subtitle").textContent = fill(texts.subtitle, { node: words.nodeOf(point), time: points.time(timestamp ?? receiveTime) });
  }

  // Values lie at the nodes, which may be slow or away: cards wait for nothing.
  async function askValues() {
    const ids = drawing.cards.map(({ card }) => card.point).filter((point) => point && !point.missing && !point.outside && !values.has(point.id)).map((point) => point.id);
    if (ids.length) {
      try {
        const answer = await fetch("/v1/points", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ids, values: true }) });
        if (answer.ok) for (const point of await answer.json()) values.set(point.id, point);
      } catch { /* The banner says that the server is away. */ }
    }
    for (const title of place.querySelectorAll("[data-value]")) {
      const value = values.get(title.dataset.value);
      if (value) {
        title.textContent = words.number(value) ?? texts.no_value;
        title.closest(".point").title = value.valueState ? words.noValue(value.valueState) : "";
      }
    }
    if (drawing.cards.some(({ card }) => values.get(card.point?.id)?.valueState === "unreachable") && !at("notice").textContent) say(texts.values_unreachable);
    showTitle();
    showSide();
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function move(event) {
    const arrow = ARROWS[event.key], from = drawing?.at.get(event.target.dataset.key);
    if (!arrow || !from || event.altKey || event.ctrlKey || event.metaKey) return;
    const [across, down] = narrow.matches ? [-arrow[1], arrow[0]] : arrow;
    const near = drawing.cards
      .filter(({ column, row }) => across ? column === from.column + across : column === from.column && Math.sign(row - from.row) === down)
      .sort((a, b) => Math.abs(a.row - from.row) - Math.abs(b.row - from.row))[0];
    if (!near) return;
    event.preventDefault();
    const button = place.querySelector(`[data-key="${CSS.escape(near.card.key)}"]`);
    button.focus();
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  async function save(kind) {
    say(texts.saving);
    try {
      const file = kind === "png" ? await lineageExport.png(id, place.querySelector(".dag")) : await lineageExport[kind](id, view().forward);
      say(fill(texts.saved, { file }));
    } catch (status) {
      say(status === 400 ? texts.save_too_large : texts.save_failed, true);
    }
  }

  // Without an id: what an id is, and the newest readings to begin with.
  async function begin() {
    const intro = make("div", "refusal"), list = make("ul", "newest");
    intro.append(make("p", "", texts.intro));
    place.replaceChildren(intro);
    const answer = await fetch(`/v1/find?size=${NEWEST}&detail=true&values=true`).catch(() => null);
    const found = answer?.ok ? (await answer.json()).points : [];
    for (const point of found) {
      const link = Object.assign(make("a", "", [point.context.meterId, point.context.metricId].filter(Boolean).join(" · ") || point.id), { href: `/lineage/${point.id}` });
      const item = make("li");
      item.append(link, make("span", "quiet", [points.number(point.value), point.node, points.time(point.context.timestamp)].filter(Boolean).join(" · ")));
      list.append(item);
    }
    if (found.length) intro.append(make("p", "quiet", texts.intro_newest), list);
  }

  // The first answer is on its way while the page is still being put together.
  const first = id ? ask(view()) : null;

  function start() {
    [place, side] = [at("canvas"), at("side")];
    if (!place || !at("ask")) return setTimeout(start, 10);
    at("wanted").value = id;
    at("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      const wanted = at("wanted").value.trim();
      location.href = wanted ? `/lineage/${encodeURIComponent(wanted)}` : "/lineage";
    });
    if (!id) return begin();
    at("forward").addEventListener("click", () => go({ forward: !view().forward }));
    at("fold").addEventListener("click", () => go({ opened: [] }));
    at("copy").addEventListener("click", () => navigator.clipboard.writeText(id).then(() => say(texts.copied), () => {
      at("wanted").select();
      document.execCommand("copy");
      say(texts.copied);
    }));
    for (const button of document.querySelectorAll("[data-export]")) button.addEventListener("click", () => save(button.dataset.export));
    place.addEventListener("keydown", move);
    addEventListener("popstate", () => draw());
    narrow.addEventListener("change", () => drawing && show());
    new ResizeObserver(() => drawing && requestAnimationFrame(() => show(chosen))).observe(place);
    place.replaceChildren(make("p", "refusal quiet", texts.loading));
    draw(undefined, first);
  }

  start();
})();
