// One sample with all its fields.

import { address, ask, isAborted } from "./api.js";
import { el, failure, fill, number } from "./dom.js";
import { draw, image } from "./pictures.js";
import { brief, full, isArray, isPicture, marked, short } from "./values.js";

const PAUSE = 120;

let stop = new AbortController();

/** Shows a sample in `side`. What was asked for before is no longer waited for. */
export async function detail(side, query, { total, signal, step, close }) {
  stop.abort();
  stop = new AbortController();
  const own = AbortSignal.any([signal, stop.signal]);
  // The panel stays as it is while somebody goes through samples with a key held down.
  const isNew = side.childElementCount === 0;
  if (isNew) {
    const button = (name, label, text) => el("button", { type: "button", class: name, "aria-label": label, title: label }, text);
    const bar = el("div", { class: "bar" }, el("h2", {}), button("previous", "Previous sample", "↑"), button("next", "Next sample", "↓"), button("close", "Close", "✕"));
    fill(side, bar, el("div", { class: "fields" }));
    side.onkeydown = (event) => {
      if (event.key === "Escape") side.querySelector("button.close").click();
    };
    if (getComputedStyle(side).position === "fixed") side.querySelector("button.close").focus();
  }
  const [bar, body] = side.children;
  bar.querySelector("h2").textContent = `Sample ${number(query.index)}`;
  bar.querySelector(".previous").disabled = query.index === 0;
  bar.querySelector(".next").disabled = query.index === total - 1;
  bar.querySelector(".previous").onclick = () => step(-1);
  bar.querySelector(".next").onclick = () => step(1);
  bar.querySelector(".close").onclick = () => {
    stop.abort();
    close();
  };
  try {
    if (!isNew) await new Promise((done) => setTimeout(done, PAUSE));
    if (own.aborted) return;
    const { index, ...rest } = query;
    const { samples: [sample] } = await ask("samples", { ...rest, start: index, detail: true }, own);
    if (!sample) return fill(body, el("p", {}, "There is no such sample."));
    if (sample.error) return fill(body, failure(sample.error));
    if (sample.left_out) return fill(body, el("p", {}, "The lens leaves this sample out."));
    fill(body, el("p", { class: "quiet" }, "Key ", el("code", {}, sample.key), " in ", el("code", {}, sample.shard)),
      el("dl", { class: "fields" }, Object.entries(sample.fields).map(([name, value]) =>
        el("div", {}, el("dt", {}, name), el("dd", {}, field({ ...query, field: name }, value, own))))));
  } catch (error) {
    if (!isAborted(error) && !own.aborted) fill(body, failure(error));
  }
}

function field(query, value, signal) {
  const [mark] = marked(value);
  const label = `${query.field} of sample ${query.index}`;
  const isStored = ["$bytes", "$text", "$ndarray"].includes(mark);
  const download = isStored && el("p", {}, el("a", { href: address("media", query), download: "" }, "Download"));
  if (isPicture(value)) return [image(query, label, "picture"), el("p", { class: "quiet" }, brief(value)), download];
  if (isArray(value)) return [plane(query, value.$ndarray, label, signal), full(value), download];
  return [full(value), download];
}

/** A picture of an array, with a number for each axis that is not drawn. */
function plane(query, array, label, signal) {
  const canvas = el("canvas", { class: "picture", role: "img", "aria-label": label, width: 1, height: 1 });
  const about = el("p", { class: "quiet" });
  const axes = el("p", { class: "axes" });
  async function show(slice) {
    try {
      const found = await ask("array", { ...query, slice, side: 256 }, signal);
      draw(canvas, found);
      fill(about, found.channels > 1 ? "colours" : found.min === null ? "nothing is finite" : `${found.exact ? "" : "about "}${short(found.min)} (dark) to ${short(found.max)} (bright)`);
      if (slice === null) inputs(found.slice);
    } catch (error) {
      if (!isAborted(error)) fill(about, failure(error));
    }
  }
  function inputs(slice) {
    const fixed = slice.flatMap((at, axis) => (at === null ? [] : [axis]));
    fill(axes, fixed.map((axis) => {
      const input = el("input", { type: "number", min: 0, max: array.shape[axis] - 1, value: slice[axis], inputmode: "numeric" });
      input.addEventListener("input", () => {
        const at = Math.trunc(Number(input.value));
        if (input.value === "" || !(at >= 0 && at < array.shape[axis])) return;
        slice[axis] = at;
        show(slice.map((at) => at ?? ":").join(","));
      });
      return el("label", {}, `axis ${axis} `, input, ` of ${number(array.shape[axis])}`);
    }));
  }
  show(null);
  return el("figure", {}, canvas, axes, el("figcaption", {}, about));
}
