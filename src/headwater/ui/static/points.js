// Tables of data points: columns, times, values, buttons of rows. What a sensor says becomes text, never markup.
//
//   const table = await points.table(NAME)   the one that points_table(language, NAME, label) has made
//   table.show(list)                         data points as the API has them; sort, filter, selection and scroll stay
//   table.api                                AG Grid's own
//   points.columns(texts, narrow)            its column definitions, by colId
//   points.time(ms), points.number(value), points.actions(id, texts, say)
window.points = (() => {
  const NARROW_PX = 760, SVG = "http://www.w3.org/2000/svg", DOWN = "M6 1v7M3 5.5 6 8.5l3-3M1.5 11h9";
  const language = () => document.documentElement.lang || "en";
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const isUtc = () => localStorage.getItem("times") === "utc";

  const pad = (number, digits = 2) => String(number).padStart(digits, "0");
  // ISO 8601 but for the T; Z says UTC, and without it the time is the reader's own.
  function time(ms) {
    if (ms === undefined || ms === null) return "";
    const at = new Date(ms);
    if (isNaN(at)) return String(ms);
    if (isUtc()) return at.toISOString().replace("T", " ");
    const day = [pad(at.getFullYear(), 4), pad(at.getMonth() + 1), pad(at.getDate())].join("-");
    return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => pad(part)).join(":")}.${pad(at.getMilliseconds(), 3)}`;
  }

  const number = (value) => typeof value === "number" ? value.toLocaleString(language(), { maximumSignificantDigits: 15 }) : value ?? "";
  const INFINITE = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
  const size = (value) => typeof value === "string" ? INFINITE[value] : value;
  // What is no number stands behind all that are.
  const byNumber = (a, b) => [a, b].some((each) => each === undefined || isNaN(each)) ? (isNaN(b ?? NaN) ? -1 : 0) + (isNaN(a ?? NaN) ? 1 : 0) : a - b;

  async function save(id, structure, texts, say) {
    try {
      const answer = await fetch(`/v1/provenance/${id}/static?structure=${structure}&detail=true`);
      if (answer.status === 404) return say(fill(texts.gone, { id }), true);
      if (!answer.ok) return say(fill(texts.failed, { id }), true);
      const link = document.createElement("a"), file = `${id}${structure === "recursive" ? "-recursive" : ""}.json`;
      link.href = URL.createObjectURL(await answer.blob());
      link.download = file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      say(fill(texts.saved, { file }));
    } catch {
      say(fill(texts.failed, { id }), true);
    }
  }

  function icon() {
    const drawing = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
    for (const [key, value] of [["viewBox", "0 0 12 12"], ["aria-hidden", "true"]]) drawing.setAttribute(key, value);
    for (const [key, value] of [["d", DOWN], ["fill", "none"], ["stroke", "currentColor"], ["stroke-width", "1.6"], ["stroke-linecap", "round"]]) path.setAttribute(key, value);
    drawing.append(path);
    return drawing;
  }

  function actions(id, texts, say) {
    const place = document.createElement("span");
    place.className = "actions";
    for (const [key, structure] of [["lineage"], ["json", "linear"], ["recursive", "recursive"]]) {
      const does = document.createElement(structure ? "button" : "a");
      does.textContent = texts[key];
      does.title = fill(texts[`${key}_of`], { id });
      does.setAttribute("aria-label", `${texts[key]}: ${does.title}`);
      does.dataset.does = key;
      if (structure) {
        does.type = "button";
        does.prepend(icon());
        does.addEventListener("click", () => save(id, structure, texts, say));
      } else does.href = `/lineage/${id}`;
      place.append(does);
    }
    return place;
  }

  // Tab goes through the buttons of a cell before it leaves it.
  function staysInCell({ event }) {
    if (event.key === "Enter" || event.key === " ") return event.target.closest(".actions") !== null;
    if (event.key !== "Tab") return false;
    const cell = event.target.closest(".ag-cell"), all = [...cell.querySelectorAll("a, button")];
    const next = all.indexOf(document.activeElement) + (event.shiftKey ? -1 : 1);
    return next >= 0 && next < all.length;
  }

  function columns(texts, narrow, say = () => {}) {
    const shown = (colId, width, get, rest = {}) => ({ colId, headerName: texts[colId], width, valueGetter: ({ data }) => get(data), ...rest });
    const moment = (colId, field) => shown(colId, 184, (point) => point.context?.[field], {
      cellClass: "time", valueFormatter: ({ value }) => time(value), filterValueGetter: ({ data }) => time(data.context?.[field]),
      getQuickFilterText: ({ data }) => time(data.context?.[field]),
    });
    const id = shown("id", 196, (point) => point.id, { cellClass: "mono" });
    return [
      ...(narrow ? [] : [id]),
      shown("meter", narrow ? 112 : 124, (point) => point.context?.meterId, { tooltipValueGetter: ({ value }) => value }),
      shown("metric", narrow ? 102 : 106, (point) => point.context?.metricId, { tooltipValueGetter: ({ value }) => value }),
      shown("value", narrow ? 118 : 122, (point) => size(point.value), {
        type: "rightAligned", comparator: byNumber, filter: "agNumberColumnFilter",
        valueFormatter: ({ data, value }) => data.valueState ? texts[data.valueState] ?? data.valueState : number(value),
        cellClassRules: { absent: ({ data }) => data.valueState !== undefined },
        tooltipValueGetter: ({ value }) => value === undefined ? undefined : String(value),
      }),
      moment("measured", "timestamp"),
      moment("received", "receiveTime"),
      moment("sent", "sendTime"),
      shown("place", 110, (point) => point.context?.loc?.lable, { tooltipValueGetter: ({ data }) => whereabouts(data.context?.loc) }),
      shown("class_name", 190, (point) => point.context?.className, { tooltipValueGetter: ({ value }) => value }),
      shown("line", 78, (point) => point.context?.lineNo, { type: "rightAligned", filter: "agNumberColumnFilter" }),
      shown("inputs", 92, (point) => point.inputCount ?? point.inputDatapoints?.length, { type: "rightAligned", filter: "agNumberColumnFilter", valueFormatter: ({ value }) => number(value) }),
      shown("step", 130, (point) => point.step, { tooltipValueGetter: ({ value }) => value }),
      shown("application", 124, (point) => point.context?.appName, { tooltipValueGetter: ({ value }) => value }),
      ...(narrow ? [id] : []),
      {
        colId: "actions", headerName: texts.actions, width: 236, sortable: false, filter: false, resizable: false, pinned: narrow ? null : "right",
        cellRenderer: ({ data }) => actions(data.id, texts, say), suppressKeyboardEvent: staysInCell,
      },
    ];
  }

  const whereabouts = (loc) => loc && (loc.latitude || loc.longitude) ? `${loc.lable} (${loc.latitude}, ${loc.longitude})` : loc?.lable;

  // By id, so that only what differs is touched; rows that are chosen stay, below the others, when they are not in the list any more.
  function show(api, list) {
    const old = new Map(), ids = new Set(list.map(({ id }) => id));
    api.forEachNode((node) => old.set(node.id, node.data));
    const same = (point) => old.has(point.id) && JSON.stringify(old.get(point.id)) === JSON.stringify(point) ? old.get(point.id) : point;
    api.setGridOption("rowData", [...list.map(same), ...api.getSelectedRows().filter(({ id }) => !ids.has(id))]);
  }

  function table(name) {
    const { grid, label, texts } = JSON.parse(document.getElementById(`points-${name}`).textContent);
    function say(words, isWrong = false) {
      const place = document.querySelector(`[data-said="${name}"]`);
      place.textContent = words;
      place.classList.toggle("wrong", isWrong);
    }
    return new Promise((ready) => (function start() {
      const element = typeof mounted_app !== "undefined" && mounted_app && getElement(grid), api = element?.api;
      if (!api) return setTimeout(start, 20);
      const narrow = matchMedia(`(max-width: ${NARROW_PX}px)`);
      const arrange = () => api.updateGridOptions({ columnDefs: columns(texts, narrow.matches, say) });
      narrow.addEventListener("change", arrange);
      arrange();
      element.$el.querySelector("[role=grid], [role=treegrid]")?.setAttribute("aria-label", label);
      document.querySelector(`[data-filter="${name}"]`)?.addEventListener("input", ({ target }) => api.setGridOption("quickFilterText", target.value));
      document.addEventListener("times", () => { api.refreshCells({ force: true }); api.onFilterChanged(); });
      sayZone(texts);
      document.addEventListener("times", () => sayZone(texts));
      ready({ api, texts, say, element: element.$el, show: (list) => show(api, list) });
    })());
  }

  const sayZone = (texts) => document.querySelectorAll("[data-times]").forEach((button) => { button.textContent = isUtc() ? texts.utc : texts.local; });
  document.addEventListener("click", ({ target }) => {
    if (!target.closest("[data-times]")) return;
    localStorage.setItem("times", isUtc() ? "local" : "utc");
    document.dispatchEvent(new CustomEvent("times"));
  });

  return { table, columns, time, number, actions, save };
})();
