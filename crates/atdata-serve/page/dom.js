// Elements and texts. Nothing here makes markup of a text: what comes from a dataset becomes a text node, an attribute
// from a fixed list, or a link inside this page.

const ATTRIBUTES = new Set([
  "alt", "class", "colspan", "decoding", "disabled", "for", "height", "id", "inputmode", "max", "min", "name",
  "placeholder", "role", "scope", "selected", "src", "tabindex", "title", "type", "value", "width", "autocomplete",
  "spellcheck", "open", "download",
]);

/** An element with attributes and children; texts among the children stay texts, nothing is left out that is falsy. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "href" || name === "src") {
      // Links stay in this page, pictures come from this server.
      const own = name === "href" ? /^(#|\/api\/v1\/media\?)/ : /^\/api\/v1\/media\?/;
      if (!own.test(value)) throw new Error(`${name} leads elsewhere`);
    } else if (!ATTRIBUTES.has(name) && !name.startsWith("aria-")) {
      throw new Error(`no attribute ${name}`);
    }
    element.setAttribute(name, value === true ? "" : String(value));
  }
  put(element, children);
  return element;
}

function put(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Puts children in place of what is there. */
export function fill(element, ...children) {
  element.replaceChildren();
  put(element, children);
  return element;
}

/** A shape of SVG. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  put(element, children);
  return element;
}

/** A table: heads, and rows of cells that are texts or elements. */
export function table(label, heads, rows) {
  const head = el("tr", {}, heads.map((text) => el("th", { scope: "col" }, text)));
  const body = rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell))));
  return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

const count = new Intl.NumberFormat("en");

/** A whole number with commas. */
export function number(value) {
  return typeof value === "number" ? count.format(value) : "?";
}

/** A number of samples, rows: with its word. */
export function several(value, word) {
  return `${number(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** A length in bytes. */
export function bytes(value) {
  if (typeof value !== "number") return "?";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** What went wrong, and what to try. */
export function failure(error) {
  const details = Object.entries(error.context ?? {}).map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return el("div", { class: "failure", role: "alert" },
    el("strong", {}, error.kind ? `${error.kind}: ` : "", error.message),
    details.length > 0 && el("dl", {}, details),
    error.hint && el("p", {}, "Try ", el("code", {}, error.hint)));
}

export const waiting = () => el("p", { class: "quiet", role: "status" }, "Loading…");
