// Which view is shown: what stands behind the # of the address says it.

import { isAborted } from "./api.js";
import { el, failure, fill, waiting } from "./dom.js";
import { datasets, labels, schemas } from "./lists.js";
import { dataset } from "./dataset.js";

const main = document.getElementById("main");
const LISTS = { "": ["Datasets", datasets], schemas: ["Schemas", schemas], labels: ["Labels", labels] };

let leave = new AbortController();

/** The address of a dataset, or of a part of it. */
function parts() {
  return location.hash.replace(/^#\/?/, "").split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

async function show(moved) {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const [view, ...rest] = parts();
  for (const link of document.querySelectorAll("#views a")) {
    const own = link.getAttribute("href").replace(/^#\/?/, "");
    if (own === view || (own === "" && view === "dataset")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  fill(main, waiting());
  if (moved) main.focus({ preventScroll: true });
  try {
    if (view === "dataset" && rest[0]) {
      document.title = `${rest[0]} · atdata`;
      await dataset(main, rest, signal);
    } else if (Object.hasOwn(LISTS, view)) {
      document.title = `${LISTS[view][0]} · atdata`;
      await LISTS[view][1](main, signal);
    } else {
      fill(main, el("p", {}, "There is no such view. ", el("a", { href: "#/" }, "Datasets")));
    }
  } catch (error) {
    if (isAborted(error) || signal.aborted) return;
    fill(main, failure(error));
  }
}

addEventListener("hashchange", () => show(true));
show(false);
