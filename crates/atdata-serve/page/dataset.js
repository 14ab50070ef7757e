// The page of a dataset, in parts.

import { ask, isAborted } from "./api.js";
import { browser } from "./browser.js";
import { bytes, el, failure, fill, several, table, waiting } from "./dom.js";
import { fields, link } from "./lists.js";
import { statistics } from "./statistics.js";
import { full } from "./values.js";

const PARTS = { samples: "Samples", schema: "Schema", statistics: "Statistics", shards: "Shards", labels: "Labels", metadata: "Metadata" };

export async function dataset(main, [name, part = "samples", position], signal) {
  // Opening many shards takes its time; what is known without comes first.
  const known = await ask("dataset", { name, access: "skip" }, signal);
  const { entry, schema } = known;
  document.getElementById("index").textContent = known.index;
  const facts = [
    known.samples !== null && several(known.samples, "sample"),
    several(known.shards.total, "shard"),
    schema !== null && `${schema.name} ${schema.version}`,
  ].filter(Boolean);
  const nav = el("nav", { class: "parts", "aria-label": "Parts" }, Object.entries(PARTS).map(([id, title]) =>
    el("a", { href: link(name, id), "aria-current": id === part && "page" }, title)));
  const body = el("section", { "aria-label": PARTS[part] ?? "Samples" }, waiting());
  fill(main, el("h1", {}, entry.name), el("p", { class: "quiet" }, facts.join(" · ")),
    entry.description && el("p", { class: "about" }, entry.description), nav, body);
  try {
    switch (part) {
      case "schema": fill(body, schemaPart(known)); break;
      case "statistics": await statisticsPart(body, name, signal); break;
      case "shards": fill(body, shardsPart(known)); break;
      case "labels": fill(body, labelsPart(known)); break;
      case "metadata": fill(body, metadataPart(known)); break;
      default: await browser(body, known, name, position, signal);
    }
  } catch (error) {
    if (isAborted(error) || signal.aborted) return;
    fill(body, failure(error));
  }
}

function schemaPart({ entry, schema, record }) {
  if (schema === null) {
    return el("p", {}, "The index does not have the schema ", el("code", {}, entry.schema_ref), "; samples are read unchecked.");
  }
  return [
    schema.description && el("p", {}, schema.description),
    fields(schema),
    el("p", { class: "quiet" }, "Reference ", el("code", {}, entry.schema_ref)),
    record !== null && el("details", {}, el("summary", {}, "Record"), el("pre", {}, JSON.stringify(record, null, 2))),
  ];
}

function shardsPart({ shards }) {
  const rows = shards.listed.map((shard) => [
    el("code", {}, shard.url),
    shard.size === null ? "–" : bytes(shard.size),
    shard.sha256 === null ? "–" : el("code", { title: shard.sha256 }, shard.sha256.slice(0, 12)),
  ]);
  const more = shards.total - shards.listed.length;
  return [table("Shards", ["Shard", "Size", "SHA-256"], rows),
    more > 0 && el("p", { class: "quiet" }, `and ${several(more, "shard")} more`)];
}

function labelsPart({ labels }) {
  if (labels.length === 0) return el("p", { class: "quiet" }, "The name has no labels.");
  const rows = labels.map((label) => {
    const whole = label.version === null ? label.name : `${label.name}@${label.version}`;
    return [el("a", { href: link(whole) }, whole), label.set_at === null ? "–" : el("time", { title: label.set_at }, `${label.set_at.slice(0, 19).replace("T", " ")} UTC`), el("code", { class: "cut" }, label.cid), label.description ?? ""];
  });
  return [el("p", { class: "quiet" }, "The one that was set last comes first: the name stands for it."),
    table("Labels", ["Label", "Set", "Leads to", "Description"], rows)];
}

function metadataPart({ entry }) {
  const identity = [["Content identifier", entry.cid], ["Record", entry.uri], ["Schema", entry.schema_ref]];
  const rows = identity.filter(([, value]) => value !== null).map(([title, value]) => [title, el("code", {}, value)]);
  const own = Object.entries(entry.metadata ?? {}).map(([key, value]) => [el("code", {}, key), full(value)]);
  return [
    entry.foreign && el("p", { class: "note" }, "The entry comes from the network: its addresses are a stranger's word."),
    table("Identity", ["", ""], rows),
    el("h2", {}, "Metadata"),
    own.length > 0 ? table("Metadata", ["Key", "Value"], own) : el("p", { class: "quiet" }, "There is none."),
  ];
}

async function statisticsPart(body, name, signal) {
  fill(body, statistics(await ask("statistics", { name }, signal)));
}

