// Draws one node. Its state lives here: the feed tells what has changed.
(() => {
  const options = JSON.parse(document.getElementById("node-options").textContent), { texts, alarms: alarmTexts } = options;
  const common = JSON.parse(document.getElementById("live-options").textContent).texts;
  const HEALTH = ["green", "yellow", "red"], FILES = ["working", "impaired", "failed"], WORDS = HEALTH.map((health) => common[health]);
  const WINDOWS = { hour: 3_600_000, day: 86_400_000 }, CHART_MS = 600_000, GAP_MS = 5_000, SAMPLES_MAX = 600, REDRAW_MS = 10_000;
  const base = document.querySelector("link[rel=icon]").href.replace(/logo\.svg$/, "");
  const language = () => document.documentElement.lang || "en";
  const byId = (id) => document.getElementById(id);
  let state, chart, ahead = 0, span = new URLSearchParams(location.search).get("window") === "day" ? "day" : "hour";

  const whole = (number) => number.toLocaleString(language());
  const short = (number) => number.toLocaleString(language(), { maximumSignificantDigits: 3 });
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const said = (evidence) => evidence[language().slice(0, 2)] ?? evidence.en;
  const now = () => Date.now() + ahead; // By the server's clock.
  function make(tag, classes = "", ...content) {
    const made = document.createElement(tag);
    made.className = classes;
    made.append(...content); // Strings become text nodes.
    return made;
  }
  const sign = (health, size, alt = "") => Object.assign(make("img"), { src: `${base}${FILES[health]}.svg`, alt, width: size, height: size });
  const link = (id, name) => id ? Object.assign(make("a", "link", name || id), { href: `/node/${encodeURIComponent(id)}` }) : make("span", "", name || texts.not_known);
  const fact = (name, ...value) => [make("dt", "quiet", name), make("dd", "", ...value)];
  const when = (ms) => now() - ms < WINDOWS.day ? new Date(ms).toLocaleTimeString(language()) : points.time(ms).replace(/\.\d+/, "");

  const partName = ({ part, target, target_name }) => part === "link"
    ? target ? fill(texts.link_to, { target: target_name ?? state.names[target] ?? target }) : texts.link : texts[part] ?? part;
  const causeName = ({ part, name, target }) => fill(alarmTexts[`part_${part}`] ?? part, { name, target });
  const about = ({ evidence, doubt, cause }) => [said(evidence), doubt && fill(texts.doubt, { doubt: said(doubt) }),
    cause && fill(texts.because, { cause: causeName(cause) })].filter(Boolean).join(" · ");

  function showSummary() {
    const own = state.verdicts.filter(({ part }) => part !== "link"), worst = own.reduce((a, b) => (b.health > a.health ? b : a), own[0]);
    const isSilent = state.verdicts.some(({ part, health }) => part === "node" && health === 2);
    byId("name").textContent = state.name;
    byId("id").textContent = state.id;
    byId("forget").hidden = !isSilent;
    byId("verdict").replaceChildren(...(worst ? [
      make("span", `word ${HEALTH[worst.health]}`, sign(worst.health, 18), WORDS[worst.health]),
      make("span", "quiet", fill(texts.since, { time: when(worst.since) })),
      make("span", "why", worst.part === "node" ? about(worst) : `${partName(worst)}: ${about(worst)}`),
    ] : []));
  }

  function showAbsent() {
    const isAbsent = state.known !== "known", { known } = state;
    document.body.classList.toggle("is-absent", isAbsent);
    byId("absent").hidden = !isAbsent;
    byId("summary").hidden = known === "unknown";
    byId("newest").hidden = known === "unknown";
    document.querySelectorAll(".known").forEach((each) => { each.hidden = isAbsent; });
    if (!isAbsent) return;
    byId("absent-what").textContent = fill(texts[known], { id: state.name });
    byId("absent-next").textContent = texts[`${known}_next`];
  }

  function showAlarms() {
    byId("alarms").replaceChildren(...state.alarms.filter(({ mine }) => mine).map((alarm) => {
      const title = alarm.node && alarm.node !== state.id ? Object.assign(make("a"), { href: `/node/${alarm.node}` }) : make("span");
      title.className = "title";
      title.textContent = causeName(alarm);
      return make("article", "alarm failed", sign(2, 28), make("div", "", title, make("div", "cause", said(alarm.evidence)),
        make("div", "quiet", fill(texts.since, { time: when(alarm.since) }))));
    }));
  }

  // Low, middle and high bars: the height tells the health without the colour.
  function strip(at, verdict) {
    const { pieces } = state.strips[at], end = now(), begin = end - WINDOWS[span], words = [];
    const bars = pieces.map(([from, health], i) => {
      const until = pieces[i + 1]?.[0] ?? end, left = Math.max(from, begin), right = Math.min(until, end);
      if (right <= left) return null;
      const bar = make("i", health < 0 ? "" : HEALTH[health]), word = health < 0 ? texts.not_known : WORDS[health];
      Object.assign(bar.style, { left: `${(100 * (left - begin)) / WINDOWS[span]}%`, width: `${(100 * (right - left)) / WINDOWS[span]}%` });
      bar.title = `${word}, ${when(left)} – ${until === end ? texts.now : when(right)}`;
      words.push(bar.title);
      return bar;
    });
    const drawn = make("div", "strip", ...bars.filter(Boolean));
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", `${partName(verdict)}: ${words.slice(-20).join("; ")}`);
    return drawn;
  }

  function showParts() {
    byId("parts").replaceChildren(...state.verdicts.map((verdict, at) => {
      const head = make("div", "part", sign(verdict.health, 18), make("span", "name", partName(verdict)),
        make("span", `word ${HEALTH[verdict.health]}`, WORDS[verdict.health]),
        make("span", "quiet", fill(texts.since, { time: when(verdict.since) })), make("span", "quiet why", about(verdict)));
      return make("li", "", head, ...(state.strips[at] ? [strip(at, verdict)] : []));
    }));
    byId("ago").textContent = texts[`ago_${span}`];
    document.querySelectorAll("[data-window]").forEach((button) => button.setAttribute("aria-pressed", button.dataset.window === span));
  }

  function showChanges() {
    byId("changes-count").textContent = fill(texts.changes, { count: whole(state.changes.length) });
    byId("changes").replaceChildren(...(state.changes.length ? state.changes.map((change) => make("li", "",
      sign(change.health, 16), make("span", "mono", points.time(change.at)), make("span", "name", partName(change)),
      make("span", "", WORDS[change.health]), make("span", "quiet", said(change.evidence)))) : [make("li", "quiet", texts.changes_none)]));
  }

  function showLinks() {
    const number = (name, value, after = "") => make("span", "book", make("span", "quiet", name), make("b", "", value), after && make("span", "quiet op", after));
    byId("links").replaceChildren(...(state.links.length ? state.links.map((one) => {
      const books = one.is_counted ? [number(texts.passed_on, whole(one.sent), "="), number(texts.delivered, whole(one.delivered), "+"),
        number(texts.buffered, whole(one.buffered), "+"), number(texts.dropped, whole(one.dropped)), number(texts.rate, short(one.rate)),
        ...(one.oldest_ms ? [number(texts.oldest, `${short(one.oldest_ms / 1000)} s`)] : [])] : [make("span", "quiet", texts.books_none)];
      return make("li", "", make("div", "part", sign(one.health, 18), make("span", "way", texts[`link_${one.way}`]), link(one.node, one.name),
        make("span", `word ${HEALTH[one.health]}`, WORDS[one.health]), make("span", "quiet why", said(one.evidence))), make("div", "figures", ...books));
    }) : [make("li", "quiet", texts.links_none)]));
  }

  function showClocks() {
    byId("clocks").replaceChildren(...(state.clocks.length ? state.clocks.map(({ node, name, offset_ms, round_trip_ms }) => {
      const offset = fill(offset_ms < 0 ? texts.clock_behind : texts.clock_ahead, { ms: short(Math.abs(offset_ms)) });
      return make("li", "", link(node, name), make("span", "quiet", fill(texts.clock, { offset, trip: short(round_trip_ms) })));
    }) : [make("li", "quiet", texts.clocks_none)]));
  }

  function showSettings() {
    const { settings: its, context } = state, yes = (value) => (value ? texts.yes : texts.no);
    const where = its.latitude === null || its.latitude === undefined ? "" : ` (${its.latitude}, ${its.longitude})`;
    byId("settings").replaceChildren(
      ...fact(texts.metrics, context?.metrics?.join(", ") ?? texts.metrics_all),
      ...fact(texts.location, its.place || context?.context?.loc?.lable ? `${its.place || context.context.loc.lable}${where}` : texts.not_known),
      ...(context?.context?.appName ? fact(texts.application, context.context.appName) : []),
      ...fact(texts.steps, its.steps.length ? its.steps.join(" → ") : texts.steps_none),
      ...fact(texts.next, ...(its.next || its.next_id ? [its.next_id ? link(its.next_id, its.next_name) : "", its.next ? ` ${its.next}` : "", its.protocol ? ` (${its.protocol})` : ""] : [texts.next_none])),
      ...fact(texts.when_full, texts[its.when_full] ?? (its.when_full || texts.not_known)),
      ...fact(texts.with_provenance, its.provenance === null || its.provenance === undefined ? texts.not_known : yes(its.provenance)),
      ...(its.listen ? fact(texts.listen, its.listen) : []),
      ...(its.agent ? fact(texts.agent, its.agent) : []));
  }

  function showFlow() {
    const { flow } = state, counted = (counts) => Object.entries(counts).map(([reason, count]) => `${reason}: ${typeof count === "number" ? whole(count) : count}`).join(", ");
    document.querySelector("[data-rate=received]").textContent = short(flow.receive_rate);
    document.querySelector("[data-rate=sent]").textContent = short(flow.send_rate);
    byId("counts").replaceChildren(
      ...fact(texts.received, whole(flow.received)), ...fact(texts.sent, whole(flow.sent)),
      ...fact(texts.backlog, whole(flow.backlog)), ...fact(texts.unshipped, whole(flow.unshipped)),
      ...["refused", "dropped", "redis", "troubles"].flatMap((key) => Object.keys(flow[key]).length ? fact(texts[key], counted(flow[key])) : []));
  }

  function lines() {
    const parted = (at) => state.samples.flatMap((sample, i, all) => i && sample[0] - all[i - 1][0] > GAP_MS ? [[all[i - 1][0] + 1, null], [sample[0], sample[at]]] : [[sample[0], sample[at]]]);
    const end = now(), first = state.samples[0]?.[0] ?? end;
    return { xAxis: { min: Math.max(end - CHART_MS, Math.min(first, end - 60_000)), max: end }, series: [{ data: parted(1) }, { data: parted(2) }] };
  }

  function draw() {
    if (!chart || !state) return;
    const style = getComputedStyle(document.body), colour = (name) => style.getPropertyValue("--" + name).trim(), family = "Roboto, sans-serif";
    const label = { color: colour("quiet"), fontSize: 11.5, fontFamily: family }, series = (name, color, type) => ({ name, type: "line", showSymbol: false, lineStyle: { color, width: 2, type }, itemStyle: { color } });
    chart.setOption({
      animation: false, grid: { left: 48, right: 14, top: 12, bottom: 26 },
      tooltip: { trigger: "axis", renderMode: "richText", backgroundColor: colour("card"), borderColor: colour("line"), textStyle: { color: colour("ink"), fontSize: 12.5, fontFamily: family }, valueFormatter: (value) => value === null || value === undefined ? "–" : short(value) },
      xAxis: { type: "time", axisLabel: { ...label, hideOverlap: true, formatter: { hour: "{HH}:{mm}", minute: "{HH}:{mm}", second: "{HH}:{mm}:{ss}" } }, axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false }, splitNumber: 4 },
      yAxis: { type: "value", min: 0, axisLabel: { ...label, formatter: (value) => short(value) }, splitLine: { lineStyle: { color: colour("line") } }, splitNumber: 3 },
      series: [series(texts.receives, colour("accent"), "solid"), series(texts.sends, colour("quiet"), [5, 4])],
    });
    chart.setOption(lines());
  }

  const SHOWN = {
    known: showAbsent, alarms: showAlarms, links: showLinks, clocks: showClocks, settings: showSettings, changes: showChanges, flow: showFlow,
  };
  function show(keys) {
    if (document.hidden || !state) return;
    state.names = Object.fromEntries(state.links.map(({ node, name }) => [node, name]));
    for (const key of keys) SHOWN[key]?.();
    if (state.known !== "known") return showSummary();
    if (keys.includes("verdicts") || keys.includes("strips")) { showSummary(); showParts(); }
  }

  function take(frame) {
    if (frame.kind === "whole") {
      if (state && state.known !== "known" && frame.known === "known") return location.reload();
      state = { ...frame, context: state?.context };
    } else if (state) {
      if (frame.known === "known") return location.reload();
      const { kind, number, fresh = [], ...rest } = frame;
      Object.assign(state, rest);
      state.samples = [...state.samples, ...fresh].slice(-SAMPLES_MAX);
    } else return;
    const latest = state.samples.at(-1);
    if (latest && (frame.fresh || frame.kind === "whole")) ahead = latest[0] - Date.now();
    const begun = performance.now();
    show(frame.kind === "whole" ? [...Object.keys(SHOWN), "verdicts"] : Object.keys(frame));
    if (frame.kind === "whole") draw();
    else if (frame.fresh && chart && !document.hidden) chart.setOption(lines());
    performance.measure("apply", { start: begun });
    if (frame.flow || frame.kind === "whole") document.dispatchEvent(new CustomEvent("passed", { detail: { id: state.id, known: state.known } }));
  }

  function forgetting() {
    const sure = byId("sure"), wrong = byId("sure-wrong");
    byId("forget").addEventListener("click", () => {
      byId("sure-title").textContent = fill(texts.forget_title, { name: state.name });
      wrong.textContent = "";
      sure.showModal();
      byId("sure-no").focus();
    });
    byId("sure-no").addEventListener("click", () => sure.close());
    byId("sure-yes").addEventListener("click", async () => {
      byId("sure-yes").disabled = true;
      try {
        const answer = await fetch(`/v1/cluster/health/${state.id}`, { method: "DELETE" });
        if (answer.ok || answer.status === 404) return sure.close(); // The feed tells the rest.
        const { detail } = await answer.json();
        wrong.textContent = answer.status < 500 ? fill(texts.forget_refused, { why: detail }) : texts.forget_failed;
      } catch {
        wrong.textContent = texts.forget_failed;
      } finally {
        byId("sure-yes").disabled = false;
      }
    });
  }

  function start() {
    chart = typeof mounted_app !== "undefined" && mounted_app && getElement(options.chart)?.chart;
    if (!chart || !byId("sure")) return setTimeout(start, 20);
    forgetting();
    document.addEventListener("click", ({ target }) => {
      const chosen = target.closest("[data-window]")?.dataset.window;
      if (!chosen) return;
      span = chosen;
      history.replaceState(null, "", chosen === "hour" ? location.pathname : "?window=day");
      if (state) showParts();
    });
    new MutationObserver(draw).observe(document.body, { attributeFilter: ["class"] });
    const all = () => { if (!document.hidden) { show([...Object.keys(SHOWN), "verdicts"]); draw(); } };
    document.addEventListener("visibilitychange", all);
    document.addEventListener("times", () => show(["changes", "verdicts"]));
    document.addEventListener("context", ({ detail }) => { if (state) { state.context = detail; show(["settings"]); } });
    setInterval(() => show(["verdicts"]), REDRAW_MS);
    live.on(take);
    all();
  }

  start();
})();
