// The newest data points of a node: asked of the API when the feed tells that something has passed, never while they are
// paused, out of sight, or in use by a reader.
(async () => {
  const { id, texts } = JSON.parse(document.getElementById("node-options").textContent);
  const EVERY_MS = 1_500, SIZE = 50, byId = (name) => document.getElementById(name);
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  let table, isPaused = false, isIn = false, isAsking = false, isStale = false, node = id, last = -EVERY_MS, again, looked;

  function tell(words) {
    byId("note").textContent = words;
    byId("note").hidden = !words;
  }

  function sayFresh() {
    byId("fresh").textContent = !looked ? "" : isIn && !isPaused ? texts.held : fill(texts.fresh, { time: points.time(looked).slice(11, 19) });
  }

  async function ask() {
    isAsking = true;
    last = performance.now();
    try {
      const answer = await fetch(`/v1/cluster/${node}/provenance?size=${SIZE}&detail=true`);
      if (answer.ok) {
        const list = await answer.json();
        if (isPaused || isIn) { isStale = true; return; } // Who came meanwhile sees nothing move.
        table.show(list);
        document.dispatchEvent(new CustomEvent("context", { detail: list[0] }));
        looked = Date.now();
        tell("");
      } else tell(answer.status === 404 ? texts.points_none : texts.points_away);
      byId("newest").classList.toggle("is-empty", answer.status === 404);
    } catch {
      tell(texts.points_away);
      isStale = true;
    } finally {
      isAsking = false;
      sayFresh();
      refresh();
    }
  }

  function refresh() {
    clearTimeout(again);
    if (!table || !isStale || isPaused || isIn || isAsking || document.hidden) return;
    const wait = EVERY_MS - (performance.now() - last);
    if (wait > 0) { again = setTimeout(refresh, wait); return; }
    isStale = false;
    ask();
  }

  document.addEventListener("passed", ({ detail }) => {
    if (detail.known === "unknown") return;
    [node, isStale] = [detail.id, true];
    refresh();
  });
  table = await points.table("newest");

  const enters = (value) => () => { isIn = value; sayFresh(); refresh(); };
  const hovers = (value) => ({ pointerType }) => pointerType === "mouse" && enters(value)();
  table.element.addEventListener("pointerenter", hovers(true));
  table.element.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && !table.element.contains(document.activeElement) && enters(false)());
  table.element.addEventListener("focusin", enters(true));
  table.element.addEventListener("focusout", ({ relatedTarget }) => !table.element.contains(relatedTarget) && enters(table.element.matches(":hover"))());
  byId("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    byId("pause").setAttribute("aria-pressed", isPaused);
    byId("pause").textContent = isPaused ? texts.go_on : texts.pause;
    sayFresh();
    refresh();
  });
  document.addEventListener("visibilitychange", refresh);
  document.addEventListener("times", sayFresh);
  refresh();
})();
