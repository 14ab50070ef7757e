// The lists: datasets, schemas, labels. Each is searched by the server, a page at a time.

import { ask, isAborted } from "./api.js";
import { el, failure, fill, number, several, table } from "./dom.js";

const PAUSE = 200;

/** The place of a dataset in this page. */
export const link = (name, ...rest) => `#/dataset/${[name, ...rest].map(encodeURIComponent).join("/")}`;

const FORMS = {
  datasets: {
    word: "dataset",
    search: "Search names, schemas and descriptions",
    next: "after",
    empty: "There are no datasets here. `atdata import` makes one.",
    heads: ["Name", "Samples", "Schema", "Description"],
    row: (entry) => [
      el("a", { href: link(entry.name) }, entry.name),
      entry.samples === null ? "–" : number(entry.samples),
      entry.schema ?? "–",
      entry.description ?? "",
    ],
  },
  schemas: {
    word: "schema",
    search: "Search names and descriptions",
    next: "start",
    empty: "There are no schemas here.",
    heads: ["Schema", "Fields", "Description"],
    row: (schema) => [
      el("span", { title: schema.reference }, `${schema.name} ${schema.version}`),
      el("details", {}, el("summary", {}, several(schema.fields_total, "field")), fields(schema)),
      schema.description ?? "",
    ],
  },
  labels: {
    word: "label",
    search: "Search names, versions and descriptions",
    next: "start",
    empty: "There are no labels here. `atdata label set` makes one.",
    heads: ["Label", "Leads to", "Description"],
    row: (label) => {
      const whole = label.version === null ? label.name : `${label.name}@${label.version}`;
      return [el("a", { href: link(whole) }, whole), el("code", { class: "cut" }, label.cid), label.description ?? ""];
    },
  },
};

/** The fields of a schema. */
export function fields(schema) {
  const rows = schema.fields.map((field) => [
    el("code", {}, field.name),
    el("code", {}, `${field.type}${field.optional ? "?" : ""}`),
    field.description ?? "",
  ]);
  const more = schema.fields_total - schema.fields.length;
  return el("div", {}, table("Fields", ["Field", "Type", "Description"], rows),
    more > 0 && el("p", { class: "quiet" }, `and ${several(more, "field")} more`));
}

async function list(main, signal, path) {
  const form = FORMS[path];
  const input = el("input", { type: "search", id: "search", placeholder: form.search, autocomplete: "off", spellcheck: "false" });
  const rows = el("tbody");
  const heads = el("tr", {}, form.heads.map((head) => el("th", { scope: "col" }, head)));
  const box = el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Results" },
    el("table", { class: "list" }, el("thead", {}, heads), rows));
  const status = el("p", { class: "quiet", role: "status", id: "status" });
  const more = el("button", { type: "button", id: "more" }, "More");
  fill(main, el("h1", {}, document.title.split(" · ")[0]),
    el("p", {}, el("label", { class: "unseen", for: "search" }, form.search), input), box, status, more);

  let search = { stop: new AbortController(), shown: 0, scanned: 0, next: null };
  async function load() {
    const own = search;
    more.disabled = true;
    status.textContent = "Loading…";
    try {
      const parameters = { search: input.value.trim(), [form.next]: own.next };
      const found = await ask(path, parameters, AbortSignal.any([signal, own.stop.signal]));
      const items = found[path];
      document.getElementById("index").textContent = found.index;
      own.shown += items.length;
      own.scanned += found.scanned;
      own.next = found.next;
      rows.append(...items.map((item) => el("tr", {}, form.row(item).map((cell) => el("td", {}, cell)))));
      box.hidden = own.shown === 0;
      more.hidden = own.next === null;
      more.disabled = false;
      status.textContent = own.shown > 0
        ? `${several(own.shown, form.word)}${own.next === null ? "" : ` of the first ${number(own.scanned)}; there are more`}`
        : own.next !== null ? `nothing among the first ${number(own.scanned)}; there are more`
          : input.value.trim() === "" ? form.empty : "Nothing was found.";
    } catch (error) {
      if (isAborted(error)) return;
      fill(status, failure(error));
      more.disabled = false;
    }
  }
  function again() {
    search.stop.abort();
    search = { stop: new AbortController(), shown: 0, scanned: 0, next: null };
    rows.replaceChildren();
    return load();
  }
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(again, PAUSE);
  });
  more.addEventListener("click", load);
  await load();
}

export const datasets = (main, signal) => list(main, signal, "datasets");
export const schemas = (main, signal) => list(main, signal, "schemas");
export const labels = (main, signal) => list(main, signal, "labels");
