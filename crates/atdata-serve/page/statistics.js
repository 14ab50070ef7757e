// Statistics, as far as they are there. Any part may be missing.

import { bytes, el, number, several, svg, table } from "./dom.js";
import { short } from "./values.js";

const text = (value) => (typeof value === "number" ? short(value) : typeof value === "string" ? value : JSON.stringify(value));
const isThere = (value) => value !== null && value !== undefined;

export function statistics(document) {
  const fields = Array.isArray(document.fields) ? document.fields : [];
  const about = [isThere(document.samples) && several(document.samples, "sample"), isThere(document.bytes) && bytes(document.bytes)];
  return [
    el("p", { class: "quiet" }, about.filter(Boolean).join(" · ")),
    el("div", { class: "cards" }, fields.map(card)),
  ];
}

function card(field) {
  const facts = [
    ["values", isThere(field.count) && number(field.count)],
    ["null", field.null > 0 && number(field.null)],
    ["not a number", field.nan > 0 && number(field.nan)],
    ["distinct", isThere(field.distinct) && `${field.distinct.exact ? "" : "about "}${number(field.distinct.estimate)}`],
    ...["min", "max", "mean", "std"].map((name) => [name, isThere(field[name]) && text(field[name])]),
    ...Object.entries(field.quantiles ?? {}).map(([name, value]) => [name === "0.5" ? "median" : `quantile ${name}`, isThere(value) && text(value)]),
  ].filter(([, value]) => value);
  const top = Array.isArray(field.top) ? field.top : [];
  const shapes = Array.isArray(field.shapes) ? field.shapes : [];
  return el("article", { class: "card" },
    el("h3", {}, String(field.name), " ", el("code", { class: "quiet" }, text(field.type ?? field.kind ?? ""))),
    histogram(field),
    el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    top.length > 0 && table(`Most frequent values of ${field.name}`, ["Value", "Count"], top.slice(0, 10).map((item) => [text(item.value), number(item.count)])),
    shapes.length > 0 && table(`Shapes of ${field.name}`, ["Dtype", "Shape", "Count"],
      shapes.slice(0, 10).map((item) => [text(item.dtype), text(item.shape), number(item.count)])));
}

function histogram(field) {
  const { edges, counts } = field.histogram ?? {};
  if (!Array.isArray(edges) || !Array.isArray(counts) || counts.length === 0) return null;
  const most = Math.max(...counts.map(Number), 1);
  const [width, height] = [240, 64];
  const step = width / counts.length;
  const bars = counts.map((count, i) => {
    const tall = Math.max(Number(count) > 0 ? 1 : 0, (Number(count) / most) * height) || 0;
    return svg("rect", { x: i * step, y: height - tall, width: Math.max(step - 1, 0.5), height: tall },
      svg("title", {}, `${text(edges[i])} to ${text(edges[i + 1])}: ${number(count)}`));
  });
  const label = `Histogram of ${field.name}, ${text(edges[0])} to ${text(edges.at(-1))}`;
  return el("figure", {}, svg("svg", { class: "histogram", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, preserveAspectRatio: "none" }, bars),
    el("figcaption", { class: "ends quiet" }, el("span", {}, text(edges[0])), el("span", {}, text(edges.at(-1)))));
}
