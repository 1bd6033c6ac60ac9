// Dark or light, and the language: chosen by the reader, kept in the browser.
(() => {
  const chosen = () => localStorage.getItem("dark");
  const isDark = () => document.body.classList.contains("body--dark");
  function restore() {
    // What is set before NiceGUI has mounted its app is lost to it.
    if (typeof mounted_app === "undefined" || !mounted_app) return setTimeout(restore, 10);
    if (chosen() !== null) Quasar.Dark.set(chosen() === "true");
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest(".theme")) {
      localStorage.setItem("dark", String(!isDark()));
      Quasar.Dark.set(!isDark());
    }
    const language = event.target.closest("button[data-language]")?.dataset.language;
    if (language) {
      document.cookie = `headwater_language=${language}; path=/; max-age=31536000; samesite=lax`;
      location.reload();
    }
  });
  restore();
})();
