// Topology or map: which one is shown is in the address. The map is there when any node says where it is.
(() => {
  const AGAIN_MS = 2000, { base } = grid;
  let map, tries = 0, chosen = new URLSearchParams(location.search).get("view") === "map" ? "map" : "topology";

  const buttons = () => [...document.querySelectorAll("[data-view]")];
  const hasPlaces = () => grid.state.places.some((place) => place);

  // A module that could not be had is remembered as that under its address, so another try has another one.
  async function load(box) {
    const module = await import(`${base}grid-map.js${tries++ ? `?${tries}` : ""}`);
    return module.default(box);
  }

  async function show() {
    const box = document.getElementById("map"), view = hasPlaces() ? chosen : "topology";
    document.querySelector(".views").hidden = !hasPlaces();
    for (const button of buttons()) button.setAttribute("aria-pressed", button.dataset.view === view);
    document.querySelector(".graph").hidden = view === "map" || !grid.state.ids.length;
    box.hidden = view !== "map";
    if (view !== "map" || map) return;
    map = load(box);
    try {
      const follow = await map;
      grid.views.push(follow);
      follow(null);
    } catch {
      map = null;
      setTimeout(show, AGAIN_MS);
    }
  }

  function choose(view) {
    chosen = view;
    const address = new URL(location.href);
    view === "map" ? address.searchParams.set("view", view) : address.searchParams.delete("view");
    history.replaceState(history.state, "", address);
    show();
    grid.changed(null);
  }

  grid.views.unshift((change) => {
    if (change) return;
    if (!document.getElementById("map")) return setTimeout(() => grid.changed(null), 20); // Not mounted yet.
    show();
  });
  document.addEventListener("click", ({ target }) => {
    const view = target.closest("[data-view]")?.dataset.view;
    if (view && grid.state) choose(view);
  });
})();
