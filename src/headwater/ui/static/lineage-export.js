// Files of a lineage: JSON and CSV of all of it, asked from the API; PNG of what is drawn.
window.lineageExport = (() => {
  const COLUMNS = ["direction", "id", "node", "hostId", "kind", "step", "meterId", "metricId", "value", "valueState", "timestamp", "receiveTime",
    "sendTime", "lable", "latitude", "longitude", "appName", "className", "lineNo", "missing", "inputs"];
  const SCALE = 2, PIXELS_MAX = 8192;

  function save(blob, file) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    return file;
  }

  // The status of what was refused is thrown.
  async function whole(id, forward) {
    const ask = async (way) => {
      const answer = await fetch(`/v1/provenance/${id}${way}?structure=linear&detail=true&values=true`);
      if (!answer.ok) throw answer.status;
      return answer.json();
    };
    const lineage = { id, backward: await ask("") };
    if (forward) lineage.forward = await ask("/forward");
    return lineage;
  }

  // Programs take a text for a formula that begins like one.
  const guarded = (value) => typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  function cell(value) {
    const text = String(guarded(value ?? ""));
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }
  function rows(lineage) {
    return ["backward", "forward"].flatMap((direction) => (lineage[direction] ?? []).map((point) => {
      const inputs = (point.inputDatapoints ?? point.outputDatapoints ?? []).map(({ dp }) => dp.id).join(" ");
      const all = { ...point.context?.loc, ...point.context, ...point, direction, inputs };
      return COLUMNS.map((column) => cell(all[column])).join(",");
    }));
  }

  const json = async (id, forward) => save(new Blob([JSON.stringify(await whole(id, forward), null, 1)], { type: "application/json" }), `lineage-${id}.json`);
  const csv = async (id, forward) => save(new Blob([[COLUMNS.join(","), ...rows(await whole(id, forward))].join("\r\n") + "\r\n"], { type: "text/csv" }), `lineage-${id}.csv`);

  // What is on the page, drawn once more by its places and texts.
  async function png(id, dag) {
    const style = getComputedStyle(document.body), colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const [width, height] = [dag.offsetWidth + 48, dag.offsetHeight + 48];
    const scale = Math.min(SCALE, PIXELS_MAX / width, PIXELS_MAX / height);
    const canvas = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.fillStyle = colour("card");
    pen.fillRect(0, 0, width, height);
    pen.translate(24, 24);
    for (const path of dag.querySelectorAll("path")) {
      pen.strokeStyle = colour("quiet");
      pen.globalAlpha = 0.6;
      pen.lineWidth = 1.5;
      pen.stroke(new Path2D(path.getAttribute("d")));
    }
    pen.globalAlpha = 1;
    const write = (element, x, y, room) => {
      const { fontWeight, fontSize, fontFamily, color, fill } = getComputedStyle(element);
      pen.font = `${fontWeight} ${fontSize} ${fontFamily}`;
      pen.fillStyle = element instanceof SVGElement ? fill : color;
      let text = element.textContent;
      while (room && text.length > 1 && pen.measureText(text).width > room) text = `${text.slice(0, -2)}…`;
      pen.fillText(text, x, y);
    };
    for (const label of dag.querySelectorAll("text")) {
      pen.textAlign = "center";
      write(label, Number(label.getAttribute("x")), Number(label.getAttribute("y")));
    }
    pen.textAlign = "left";
    pen.textBaseline = "top";
    for (const card of dag.querySelectorAll(".point")) {
      const [x, y, w, h] = [card.offsetLeft, card.offsetTop, card.offsetWidth, card.offsetHeight];
      for (const shift of card.classList.contains("many") ? [8, 4, 0] : [0]) {
        pen.beginPath();
        pen.roundRect(x + shift, y + shift, w, h, 12);
        pen.fillStyle = colour("card");
        pen.fill();
        pen.strokeStyle = card.classList.contains("on") ? colour("accent") : colour("quiet");
        pen.lineWidth = 1;
        pen.stroke();
      }
      for (const line of card.children) write(line, x + line.offsetLeft, y + line.offsetTop + 2, line.clientWidth || w - 28);
    }
    return save(await new Promise((done) => canvas.toBlob(done, "image/png")), `lineage-${id}.png`);
  }

  return { json, csv, png };
})();
