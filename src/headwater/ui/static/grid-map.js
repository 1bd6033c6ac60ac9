// The grid on a map: nodes where they are, links between them, and lines of latitude and longitude instead of tiles
// from elsewhere. Loaded when it is first looked at.
import { leaflet as L } from "nicegui-leaflet";

const { texts, words, FILES, base, short, fill, make, sign, put, flow } = grid;
const STEPS = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];
const LINES_MIN = 4, FEW = 30, LATITUDE_MAX = 85, UNPLACED_MAX = 5, STACKED_PX = 34, LABEL_PX = 48;
const TOLD_AT = 0.4; // Nearer to the source: links to the same node are further apart there.
const HEALTH_CLASSES = FILES.map((file) => `is-${file}`);

async function styles() {
  const link = Object.assign(make("link"), { rel: "stylesheet", href: import.meta.resolve("nicegui-leaflet/leaflet/leaflet.css") });
  const loaded = new Promise((done) => { link.onload = link.onerror = done; });
  document.head.prepend(link); // Before ours, which has the last word.
  await loaded;
}

function mark(place, health) {
  if (!place || place.classList.contains(HEALTH_CLASSES[health])) return false;
  place.classList.remove(...HEALTH_CLASSES);
  place.classList.add(HEALTH_CLASSES[health]);
  return true;
}

function graticule(map) {
  const lines = L.layerGroup().addTo(map);
  const written = (degrees, [plus, minus]) => `${Math.abs(degrees).toLocaleString(grid.language())}° ${degrees < 0 ? minus : plus}`;
  const line = (ends) => L.polyline(ends, { className: "meridian", interactive: false, weight: 1 }).addTo(lines);
  const label = (at, text, classes) => {
    const icon = L.divIcon({ className: `degrees ${classes}`, html: make("span", "", text), iconSize: null });
    L.marker(at, { icon, interactive: false, keyboard: false }).addTo(lines);
  };

  function draw() {
    const bounds = map.getBounds(), [south, north] = [Math.max(bounds.getSouth(), -LATITUDE_MAX), Math.min(bounds.getNorth(), LATITUDE_MAX)];
    const [west, east] = [bounds.getWest(), bounds.getEast()];
    const step = STEPS.find((degrees) => (east - west) / degrees >= LINES_MIN) ?? STEPS.at(-1);
    const digits = Math.max(0, Math.ceil(-Math.log10(step)));
    const from = (low) => Math.ceil(low / step);
    lines.clearLayers();
    for (let i = from(west); i * step <= east; i++) {
      const at = Number((i * step).toFixed(digits));
      line([[south, at], [north, at]]);
      if (map.latLngToContainerPoint([south, at]).x < map.getSize().x - LABEL_PX) label([south, at], written(at, [texts.east, texts.west]), "below");
    }
    for (let i = from(south); i * step <= north; i++) {
      const at = Number((i * step).toFixed(digits));
      line([[at, west], [at, east]]);
      if (map.latLngToContainerPoint([at, west]).y < map.getSize().y - LABEL_PX) label([at, west], written(at, [texts.north, texts.south]), "beside");
    }
  }

  map.on("moveend resize", draw);
  return draw;
}

export default async function mapIn(box) {
  await styles();
  box.querySelector(".chart")?.remove();
  const map = L.map(box.appendChild(make("div", "chart")), {
    attributionControl: false, zoomControl: false, zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false, minZoom: 1, maxZoom: 18, zoomSnap: 0.25,
  });
  L.control.zoom({ position: "topright", zoomInTitle: texts.zoom_in, zoomOutTitle: texts.zoom_out }).addTo(map);
  L.control.scale({ position: "topright", imperial: false }).addTo(map);
  const layer = L.layerGroup().addTo(map), unplaced = box.appendChild(make("p", "quiet unplaced"));
  let pins = [], ways = [], around;

  function pin({ names, ids, places }, i) {
    const stacked = places.slice(0, i).filter((other) => other && other.join() === places[i].join()).length;
    const link = Object.assign(make("a", "pin"), { href: `/node/${ids[i]}`, draggable: false });
    link.onclick = (event) => { if (map.dragging.moved()) event.preventDefault(); };
    const parts = { link, sign: sign(0, 22), rates: make("span", "quiet") };
    const about = make("span", "about");
    about.append(make("span", "name", names[i]), parts.rates);
    link.append(parts.sign, about);
    const icon = L.divIcon({ className: "place", html: link, iconSize: null, iconAnchor: [15, 15 - STACKED_PX * stacked] });
    L.marker(places[i], { icon, interactive: false, keyboard: false }).addTo(layer);
    return parts;
  }

  function way({ ends, places }, i) {
    const [from, to] = ends[i].map((end) => L.latLng(places[end]));
    const line = L.polyline([from, to], { className: "way is-working", interactive: false }).addTo(layer);
    const [a, b] = [map.project(from, 18), map.project(to, 18)];
    const arrow = make("i", "arrow"), told = make("span", "quiet told"), label = make("span", "flow");
    arrow.style.rotate = `${Math.atan2(b.y - a.y, b.x - a.x)}rad`;
    label.append(arrow, told);
    const icon = L.divIcon({ className: "place", html: label, iconSize: null });
    L.marker(map.unproject(a.add(b.subtract(a).multiplyBy(TOLD_AT)), 18), { icon, interactive: false, keyboard: false }).addTo(layer);
    return { line, label, told };
  }

  const fit = () => map.fitBounds(around, { paddingTopLeft: [40, 40], paddingBottomRight: [130, 60], maxZoom: 15 });

  function build(state) {
    const placed = (i) => state.places[i] !== null && state.places[i] !== undefined;
    const all = state.names.map((_, i) => i), shown = all.filter(placed), without = all.filter((i) => !placed(i));
    layer.clearLayers();
    map.getContainer().classList.toggle("crowded", shown.length >= FEW);
    around = L.latLngBounds(shown.map((i) => state.places[i]));
    fit();
    ways = state.ends.map(([source, target], i) => placed(source) && placed(target) ? way(state, i) : null);
    pins = all.map((i) => placed(i) ? pin(state, i) : null);
    const named = without.slice(0, UNPLACED_MAX).map((i) => state.names[i]);
    if (without.length > UNPLACED_MAX) named.push(fill(texts.more, { count: short(without.length - UNPLACED_MAX) }));
    put(unplaced, without.length ? fill(texts.unplaced, { list: named.join(", ") }) : "");
  }

  function update(state) {
    pins.forEach((parts, i) => {
      if (!parts) return;
      const [health, received, sent] = state.nodes[i];
      if (mark(parts.link, health)) Object.assign(parts.sign, { src: `${base}${FILES[health]}.svg`, alt: words[health] });
      put(parts.rates, `↓ ${short(received)}${state.onward.has(i) ? `  ↑ ${short(sent)}` : ""}`);
    });
    ways.forEach((parts, i) => {
      if (!parts) return;
      const [health] = state.links[i];
      mark(parts.line.getElement(), health);
      mark(parts.label, health);
      put(parts.told, ["", "! ", "✕ "][health] + flow(i));
    });
  }

  const degrees = graticule(map);
  map.on("resize", fit);
  new ResizeObserver(() => { if (!box.hidden) map.invalidateSize({ pan: false }); }).observe(map.getContainer());
  return (change) => {
    if (box.hidden) return;
    if (!change) { build(grid.state); degrees(); }
    if (!change || change.nodes || change.links) update(grid.state);
    grid.shown();
  };
}
