// Pictures: images as they are, arrays as heat maps, lines and colours.

import { address, ask, isAborted } from "./api.js";
import { el } from "./dom.js";
import { isPicture } from "./values.js";

const THUMBNAIL = 48;
const AT_ONCE = 4;

/** The colours of a heat map, dark to bright; equal steps look equal. */
const COLOURS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];

function colour(byte, isGrey) {
  // 0 is what is no number.
  if (byte === 0) return [0, 0, 0, 0];
  const part = (byte - 1) / 254;
  if (isGrey) return [part * 255, part * 255, part * 255, 255];
  const place = part * (COLOURS.length - 1);
  const [low, high] = [COLOURS[Math.floor(place)], COLOURS[Math.ceil(place)]];
  return [0, 1, 2].map((i) => low[i] + (high[i] - low[i]) * (place % 1)).concat(255);
}

/** Draws a plane as the server gives it. */
export function draw(canvas, plane) {
  const bytes = Uint8Array.from(atob(plane.pixels), (character) => character.charCodeAt(0));
  const { height, width, channels } = plane;
  if (height === 0 || width === 0) return;
  if (height === 1 && width > 1 && channels === 1) return line(canvas, bytes);
  [canvas.width, canvas.height] = [width, height];
  const isGrey = /u1$|b1$/.test(plane.dtype);
  const palette = Array.from({ length: 256 }, (_, byte) => colour(byte, isGrey));
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i += 1) {
    const pixel = channels === 1 ? palette[bytes[i]]
      : [bytes[i * channels], bytes[i * channels + 1], bytes[i * channels + 2], channels === 4 ? bytes[i * channels + 3] : 255];
    image.data.set(pixel, i * 4);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function line(canvas, bytes) {
  const [width, height] = canvas.className === "thumbnail" ? [112, 112] : [Math.max(bytes.length, 480), 160];
  [canvas.width, canvas.height] = [width, height];
  canvas.classList.add("line");
  const context = canvas.getContext("2d");
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 2;
  context.beginPath();
  let isDown = false;
  bytes.forEach((byte, i) => {
    const [x, y] = [(i * width) / (bytes.length - 1), height - 4 - ((byte - 1) / 254) * (height - 8)];
    if (byte === 0) isDown = false;
    else if (isDown) context.lineTo(x, y);
    else {
      context.moveTo(x, y);
      isDown = true;
    }
  });
  context.stroke();
}

const queue = [];
let running = 0;

/** Does some at a time, the last first: it is what the reader looks at. What nobody looks at any more is not done. */
function later(isWanted, work) {
  queue.push([isWanted, work]);
  next();
}

function next() {
  while (running < AT_ONCE && queue.length > 0) {
    const [isWanted, work] = queue.pop();
    if (!isWanted()) continue;
    running += 1;
    work().catch(() => {}).finally(() => {
      running -= 1;
      next();
    });
  }
}

/** A small picture of a value. */
export function thumbnail(query, value, isWanted, signal) {
  const label = `${query.field} of sample ${query.index}`;
  if (isPicture(value)) return image(query, label, "thumbnail");
  const canvas = el("canvas", { class: "thumbnail", role: "img", "aria-label": label, width: 1, height: 1 });
  later(isWanted, async () => {
    try {
      draw(canvas, await ask("array", { ...query, side: THUMBNAIL }, signal));
    } catch (error) {
      if (!isAborted(error)) canvas.title = error.message;
    }
  });
  return canvas;
}

/** The image itself. */
export function image(query, label, style) {
  const picture = el("img", { class: style, alt: label, decoding: "async", src: address("media", query) });
  picture.addEventListener("error", () => picture.replaceWith(el("span", { class: "bad" }, "no picture")), { once: true });
  return picture;
}
