// What modules of pages share.
export const $ = (selector) => document.querySelector(selector);
export const $$ = (selector) => [...document.querySelectorAll(selector)];
export const language = () => document.documentElement.lang || "en";
export const whole = (number) => number.toLocaleString(language());
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
export const optionsOf = (page) => JSON.parse(document.getElementById(`${page}-options`).textContent);

export function make(tag, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
}

// A sentence in place of what it hides; none empties it.
export const say = (place, sentence = "") => Object.assign(place, { textContent: sentence, hidden: !sentence });

// What is wrong, in a sentence of ours, and as the server says it.
export function complain(sentence = "", detail = "") {
  $(".problem").hidden = !sentence;
  $(".problem").replaceChildren(make("strong", { textContent: sentence }), make("span", { textContent: detail }));
}

// Which one of some buttons is on.
export const press = (selector, key, value) => $$(selector).forEach((button) => button.setAttribute("aria-pressed", String(button.dataset[key] === value)));

// What NiceGUI has made of an element, by its id, once `isReady` says that it is there.
export async function part(id, isReady) {
  for (;;) {
    const found = typeof mounted_app !== "undefined" && mounted_app && getElement(id);
    if (found && isReady(found)) return found;
    await new Promise((done) => setTimeout(done, 20));
  }
}

// Again when the reader turns to dark or light.
export const onTheme = (redraw) => new MutationObserver(redraw).observe(document.body, { attributeFilter: ["class"] });

export function download(name, type, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
