// The browser of samples: a table of which only the rows that are seen exist, of any number of samples.

import { ask, isAborted } from "./api.js";
import { detail } from "./detail.js";
import { el, failure, fill, number, several } from "./dom.js";
import { link } from "./lists.js";
import { thumbnail } from "./pictures.js";
import { Scroller } from "./scroll.js";
import { brief, isPicture, isVisual } from "./values.js";

const PAGE = 50;
const PAGES = 60;
const COLUMNS = 24;
const PAUSE = 60;
const HEAD = 34;
const TALL = 64;
const FLAT = 36;

export async function browser(body, known, name, position, signal) {
  const first = Math.max(0, Math.trunc(Number(position ?? 0)) || 0);
  const controls = el("div", { class: "controls" });
  const box = el("div", { class: "box" });
  fill(body, controls, box);
  const lens = el("select", { id: "lens" }, el("option", { value: "" }, "none"),
    known.lenses.map((lens) => el("option", { value: lens.name, title: lens.description ?? "" }, lens.name)));
  let close = new AbortController();
  async function open(at) {
    close.abort();
    close = new AbortController();
    fill(box, el("p", { class: "quiet", role: "status" }, "Loading…"));
    const own = AbortSignal.any([signal, close.signal]);
    try {
      await rows(box, controls, known.lenses.length > 0 ? lens : null, { name, lens: lens.value || null }, known, at, own);
    } catch (error) {
      if (!isAborted(error) && !own.aborted) fill(box, failure(error));
    }
  }
  lens.addEventListener("change", () => open(0));
  await open(first);
}

async function rows(box, controls, lens, query, known, at, signal) {
  const pages = new Map();
  const start = at - (at % PAGE);
  const answer = await ask("samples", { ...query, start, count: PAGE }, signal);
  // What is streamed may end before the bound.
  const total = answer.access.kind === "index" ? answer.browsable
    : await streamedTotal(query, answer, start, signal);
  pages.set(start / PAGE, byIndex(answer));

  const jump = el("input", { id: "jump", type: "number", min: 0, max: Math.max(0, total - 1), inputmode: "numeric", placeholder: "0" });
  const go = el("form", { class: "jump" }, el("label", { for: "jump" }, "Go to sample"), jump, el("button", { type: "submit" }, "Go"));
  fill(controls, go, lens !== null && el("span", {}, el("label", { for: "lens" }, "Lens "), lens),
    el("span", { class: "quiet", id: "total" }, answer.access.kind !== "index" && total === answer.browsable && "first ", several(total, "sample")));
  if (answer.access.kind !== "index") {
    controls.append(el("p", { class: "note", id: "no-index" },
      "The shards have no sample index, so only the first samples are shown. ", el("code", {}, answer.hint), " makes all of them reachable.",
      answer.access.reason.kind !== "not found" && el("span", { class: "quiet" }, ` (${answer.access.reason.text})`)));
  }
  if (total === 0) {
    fill(box, el("p", { class: "quiet" }, "The dataset has no samples."));
    const failed = answer.samples.find((row) => row.error);
    if (failed) box.append(failure(failed.error));
    return;
  }

  const columns = columnsOf(answer, query.lens === null ? known.schema : null);
  const height = columns.some((column) => column.visual) ? TALL : FLAT;
  const template = ["5.5rem", "9rem", ...columns.map((column) => column.width)].join(" ");
  // All rows are as wide, whatever is in them.
  const widths = template.match(/[0-9.]+(?=rem)/g).map(Number);
  const width = widths.reduce((sum, width) => sum + width + 0.75, 0.75);
  const head = el("div", { class: "row head", role: "row" },
    ["#", "Key", ...columns.map((column) => column.name)].map((text, i) =>
      el("span", { role: "columnheader", title: columns[i - 2]?.type ?? "" }, text)));
  head.style.gridTemplateColumns = template;
  const layer = el("div", { class: "layer", role: "rowgroup" });
  const space = el("div", { class: "space", role: "presentation" });
  const grid = el("div", {
    class: "grid", id: "grid", role: "grid", tabindex: 0, "aria-label": `Samples of ${query.name}`,
    "aria-rowcount": total + 1, "aria-colcount": columns.length + 2,
  }, head, layer, space);
  const side = el("aside", { class: "detail", "aria-label": "Sample" });
  side.hidden = true;
  fill(box, grid, side);
  box.style.setProperty("--above", `${box.getBoundingClientRect().top + scrollY}px`);
  grid.style.setProperty("--width", `${width}rem`);
  grid.style.setProperty("--rows", `${Math.min(total, 40) * height + HEAD + 2}px`);

  const shown = new Map();
  let selected = Math.min(at, total - 1);
  let timer = 0;
  const loading = new Map();

  const scroller = new Scroller(grid, space, draw, signal);
  function draw() {
    const [from, to] = scroller.range;
    layer.style.height = `${scroller.view}px`;
    layer.style.marginBottom = `${-scroller.view}px`;
    for (const [index, row] of shown) {
      if (index >= from && index < to) continue;
      row.remove();
      shown.delete(index);
    }
    for (let index = from; index < to; index += 1) {
      let row = shown.get(index);
      if (!row) {
        row = make(index);
        layer.append(row);
      }
      row.style.transform = `translateY(${index * height - scroller.at}px)`;
    }
    mark();
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE);
  }

  function make(index) {
    const row = el("div", { class: "row", role: "row", id: `row-${index}`, "aria-rowindex": index + 2 });
    row.style.gridTemplateColumns = template;
    row.style.height = `${height}px`;
    row.addEventListener("click", () => {
      select(index);
      open();
    });
    shown.set(index, row);
    write(row, index);
    return row;
  }

  function write(row, index) {
    const sample = pages.get(Math.floor(index / PAGE))?.get(index);
    const cell = (...children) => el("span", { role: "gridcell" }, ...children);
    const place = el("span", { role: "rowheader", class: "place" }, number(index));
    if (!sample) {
      row.classList.add("empty");
      return fill(row, place, cell("…"));
    }
    row.classList.remove("empty");
    if (sample.error) {
      return fill(row, place, el("span", { role: "gridcell", class: "bad", title: sample.error.text }, `${sample.error.kind}: ${sample.error.message}`));
    }
    if (sample.left_out) return fill(row, place, cell("left out"));
    const values = columns.map(({ name }) => {
      if (!Object.hasOwn(sample.fields, name)) return cell();
      const value = sample.fields[name];
      const text = brief(value);
      const picture = isVisual(value) && thumbnail({ ...query, index, field: name }, value, () => shown.get(index) === row, signal);
      return el("span", { role: "gridcell", class: typeof value === "number" ? "number" : "", title: text }, picture,
        isPicture(value) && picture ? null : el("span", { class: "text" }, text));
    });
    fill(row, place, el("span", { role: "gridcell", class: "key", title: `${sample.key} (${sample.shard})` }, sample.key), values);
  }

  /** Asks for what is seen, and no longer for what is not. */
  function load() {
    const [from, to] = scroller.range;
    const [start, end] = [Math.floor(from / PAGE), Math.floor(Math.max(from, to - 1) / PAGE)];
    for (const [page, stop] of loading) {
      if (page < start || page > end) stop.abort();
    }
    for (let page = start; page <= end; page += 1) {
      if (!pages.has(page) && !loading.has(page)) fetchPage(page);
    }
  }

  async function fetchPage(page) {
    const stop = new AbortController();
    loading.set(page, stop);
    let found;
    try {
      const own = AbortSignal.any([signal, stop.signal]);
      found = byIndex(await ask("samples", { ...query, start: page * PAGE, count: Math.min(PAGE, total - page * PAGE) }, own));
    } catch (error) {
      if (!isAborted(error)) {
        const every = (i) => [page * PAGE + i, { error: { kind: error.kind, message: error.message, text: error.message } }];
        found = new Map(Array.from({ length: PAGE }, (_, i) => every(i)));
      }
    } finally {
      loading.delete(page);
    }
    if (!found || signal.aborted) return;
    pages.set(page, found);
    if (pages.size > PAGES) pages.delete(pages.keys().next().value);
    for (const [index, row] of shown) {
      if (Math.floor(index / PAGE) === page) write(row, index);
    }
  }

  function mark() {
    for (const [index, row] of shown) {
      row.classList.toggle("selected", index === selected);
      row.setAttribute("aria-selected", String(index === selected));
    }
    if (shown.has(selected)) grid.setAttribute("aria-activedescendant", `row-${selected}`);
    else grid.removeAttribute("aria-activedescendant");
  }

  function select(index) {
    selected = Math.min(Math.max(0, index), total - 1);
    scroller.show(selected);
    mark();
    history.replaceState(null, "", link(query.name, "samples", selected));
    if (!side.hidden) open();
  }

  function open() {
    side.hidden = false;
    detail(side, { ...query, index: selected }, { total, signal, step: (by) => select(selected + by), close: () => {
      side.hidden = true;
      side.replaceChildren();
      grid.focus();
    } });
  }

  grid.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(scroller.view / height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -total, End: total };
    if (Object.hasOwn(steps, event.key)) select(selected + steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") open();
    else if (event.key === "Escape" && !side.hidden) side.querySelector("button.close")?.click();
    else return;
    event.preventDefault();
  });
  go.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = Math.trunc(Number(jump.value));
    if (Number.isFinite(wanted)) {
      select(wanted);
      grid.focus({ preventScroll: true });
    }
  });

  scroller.resize(total, height, HEAD);
  if (at > 0) select(at);
}

const byIndex = (answer) => new Map(answer.samples.map((sample) => [sample.index, sample]));

/** How many samples are there if they are streamed: as many as come. */
async function streamedTotal(query, answer, start, signal) {
  const all = answer.samples.length < PAGE && start === 0 ? answer : await ask("samples", { ...query, start: 0, count: answer.browsable }, signal);
  const whole = all.samples.filter((sample) => !sample.error || sample.index > 0);
  return whole.reduce((end, sample) => Math.max(end, sample.index + 1), 0);
}

/** The fields of the schema, or those that samples have. */
function columnsOf(answer, schema) {
  const names = new Map((schema?.fields ?? []).map((field) => [field.name, field.type]));
  for (const sample of answer.samples) {
    for (const name of Object.keys(sample.fields ?? {})) if (!names.has(name)) names.set(name, "");
  }
  return [...names].slice(0, COLUMNS).map(([name, type]) => {
    const values = answer.samples.map((sample) => (Object.hasOwn(sample.fields ?? {}, name) ? sample.fields[name] : null));
    const visual = values.some(isVisual);
    const isNarrow = values.every((value) => value === null || typeof value === "number" || typeof value === "boolean");
    const isShort = values.every((value) => value === null || brief(value).length <= 14);
    const onlyPictures = values.every((value) => value === null || isPicture(value));
    return { name, type, visual, width: onlyPictures && visual ? "7rem" : visual ? "15rem" : isNarrow ? "7rem" : isShort ? "minmax(9rem, 0.4fr)" : "minmax(16rem, 1fr)" };
  });
}
