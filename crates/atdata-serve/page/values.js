// Values as the server writes them: plain JSON, and objects with one key that begins with a dollar.

import { bytes, el, number, several } from "./dom.js";

const PICTURES = new Set(["png", "jpeg", "gif", "webp", "avif", "bmp"]);

/** The mark of a value and what is inside; a plain value has none. */
export function marked(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [null, value];
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0].startsWith("$") ? [keys[0], value[keys[0]]] : [null, value];
}

/** Bytes that a browser can draw. */
export function isPicture(value) {
  const [mark, inside] = marked(value);
  return mark === "$bytes" && PICTURES.has(inside.kind);
}

/** An array of which a picture can be made. */
export function isArray(value) {
  const [mark, inside] = marked(value);
  return mark === "$ndarray" && inside.nbytes > 0 && "mean" in inside;
}

export const isVisual = (value) => isPicture(value) || isArray(value);

/** A number that is short enough to read. */
export function short(value, digits = 6) {
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}

const shape = (array) => `${array.dtype} (${array.shape.join(", ")})`;

/** A value on one line. */
export function brief(value) {
  const [mark, inside] = marked(value);
  switch (mark) {
    case "$text": return `${inside.start}…`;
    case "$bytes": return `${inside.kind ?? "bytes"}, ${bytes(inside.length)}`;
    case "$ndarray": return isArray(value) ? `${shape(inside)}\n${short(inside.min, 4)} … ${short(inside.max, 4)}` : `${shape(inside)} ${inside.preview}`;
    case "$list": return `[${inside.items.map(brief).join(", ")}, …] (${number(inside.length)})`;
    case "$map": return `{${pairs(inside.entries)}, …} (${number(inside.length)})`;
    case "$int": case "$float": return String(inside);
    case "$cut": return "…";
  }
  if (value === null) return "null";
  if (typeof value === "number") return short(value);
  if (Array.isArray(value)) return `[${value.map(brief).join(", ")}]`;
  if (typeof value === "object") return `{${pairs(value)}}`;
  return String(value);
}

const pairs = (map) => Object.entries(map).map(([key, value]) => `${key}: ${brief(value)}`).join(", ");

/** A value with all that is known of it. */
export function full(value) {
  const [mark, inside] = marked(value);
  switch (mark) {
    case "$text": return el("div", {}, el("pre", {}, inside.start), el("p", { class: "quiet" }, `cut: the text has ${several(inside.length, "character")}`));
    case "$bytes": return el("div", {}, brief(value), el("pre", { class: "hex" }, inside.start.replace(/(..)/g, "$1 "), inside.length * 2 > inside.start.length ? "…" : ""));
    case "$ndarray": return array(inside);
    case "$list": return el("div", {}, list(inside.items), el("p", { class: "quiet" }, `cut: the list has ${several(inside.length, "item")}`));
    case "$map": return el("div", {}, map(inside.entries), inside.length > Object.keys(inside.entries).length && el("p", { class: "quiet" }, `cut: the map has ${number(inside.length)} entries`));
    case "$cut": return el("span", { class: "quiet" }, "more than is shown");
    case "$int": case "$float": return String(inside);
  }
  if (Array.isArray(value)) return value.every(isPlain) ? brief(value) : list(value);
  if (value !== null && typeof value === "object") return map(value);
  if (typeof value === "string") return el("pre", {}, value);
  return el("span", {}, String(value));
}

const isPlain = (value) => value === null || typeof value === "number" || typeof value === "boolean";

function list(items) {
  return el("ol", { class: "values" }, items.map((item) => el("li", {}, full(item))));
}

function map(entries) {
  return el("dl", { class: "values" }, Object.entries(entries).map(([key, value]) =>
    el("div", {}, el("dt", {}, key), el("dd", {}, full(value)))));
}

function array(inside) {
  const about = [shape(inside), bytes(inside.nbytes)];
  const some = inside.exact ? "" : "about ";
  if ("mean" in inside) about.push(`${some}min ${short(inside.min)}`, `mean ${short(inside.mean)}`, `max ${short(inside.max)}`);
  if (inside.not_finite > 0) about.push(`${number(inside.not_finite)} not finite`);
  return el("div", {}, el("p", { class: "quiet" }, about.join(" · ")), el("pre", {}, inside.preview));
}
