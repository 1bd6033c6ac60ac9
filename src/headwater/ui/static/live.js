// Follows one topic of the server, and says when nothing new comes: nothing old is shown as if it were current.
(() => {
  const { topic, texts } = JSON.parse(document.getElementById("live-options").textContent);
  const SILENT_MS = 5000, CONNECT_MS = 30000, RETRY_MS = [500, 1000, 2000, 4000], EARLY_MAX = 1000;
  const listeners = [], early = [];
  let last = performance.now(), failures = 0, state;

  function say(next) {
    if (state === next) return;
    state = next;
    const place = document.querySelector(".live"), banner = document.querySelector(".away");
    if (!place || !banner) return setTimeout(() => { state = undefined; say(next); }, 50);
    place.classList.toggle("stale", next === "away");
    place.querySelector(".state").textContent = texts[next];
    place.title = texts[next];
    banner.hidden = next !== "away";
    document.body.classList.toggle("is-stale", next === "away");
  }

  function count(alarms) {
    const badge = document.querySelector("[data-live=alarms]");
    if (!badge) return setTimeout(() => count(alarms), 50);
    const key = alarms === 0 ? "alarms_none" : alarms === 1 ? "alarms_one" : "alarms_many";
    badge.textContent = texts[key].replace("{count}", alarms);
    badge.classList.toggle("some", alarms > 0);
  }

  function take(frame) {
    last = performance.now();
    if (frame.kind === "away") return say("away");
    say("live");
    if (frame.kind === "same") return;
    if (frame.alarms) count(frame.alarms.length);
    early.push(frame);
    if (early.length > EARLY_MAX) early.length = 0; // Of a page that does not listen.
    pass();
  }

  // What comes before the page is put together and listens waits for that.
  let ready = false;
  function pass() {
    if (ready && listeners.length) for (const frame of early.splice(0)) for (const listener of listeners) listener(frame);
  }
  function begin() {
    if (!document.getElementById("content")) return setTimeout(begin, 10);
    ready = true;
    pass();
  }

  function follow() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live/${topic}`);
    const begun = performance.now(); // A busy machine may take its time to connect.
    socket.onopen = () => { last = performance.now(); };
    socket.onmessage = ({ data }) => { failures = 0; take(JSON.parse(data)); };
    socket.onclose = () => {
      if (failures > 0) say("away");
      setTimeout(follow, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    };
    const watch = setInterval(() => {
      if (socket.readyState > 1) return clearInterval(watch);
      if (performance.now() - last <= SILENT_MS) return;
      say("away");
      if (socket.readyState === WebSocket.OPEN || performance.now() - begun > CONNECT_MS) { last = performance.now(); socket.close(); }
    }, 1000);
  }

  window.live = { on: (listener) => { listeners.push(listener); pass(); } };
  begin();
  follow();
})();
