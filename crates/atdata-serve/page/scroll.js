// Scrolling through any number of rows. No element may be as tall as ten million rows, so the bar stands for the whole, and
// the rows are where the reader is: near both ends and in small steps a pixel is a pixel, a pull of the bar goes far.

const TALLEST = 8_000_000;
const EDGE = 100_000;
const PAUSE = 150;

export class Scroller {
  #box;
  #space;
  #changed;
  #rows = 0;
  #height = 1;
  #head = 0;
  // Where the reader is, in pixels of all rows.
  #at = 0;
  // Where the bar was seen last.
  #bar = 0;
  #timer = 0;

  /** `box` scrolls, `space` inside it is made as tall as the bar needs, `changed` draws. */
  constructor(box, space, changed, signal) {
    this.#box = box;
    this.#space = space;
    this.#changed = changed;
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    const observer = new ResizeObserver(() => this.#resized());
    observer.observe(box);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  /** So many rows of a height, below a head. */
  resize(rows, height, head) {
    [this.#rows, this.#height, this.#head] = [rows, height, head];
    this.#space.style.height = `${this.#bound()}px`;
    this.#go(this.#at);
  }

  /** The pixels of rows that are seen. */
  get view() {
    return Math.max(0, this.#box.clientHeight - this.#head);
  }

  /** The first pixel that is seen. */
  get at() {
    return this.#at;
  }

  /** The rows that are seen, in whole or in part. */
  get range() {
    const first = Math.floor(this.#at / this.#height);
    const end = Math.ceil((this.#at + this.view) / this.#height);
    return [Math.max(0, first), Math.min(this.#rows, Math.max(end, first + 1))];
  }

  /** Shows a row: where it is, if it is seen already, or else at the top, the bottom, or in the middle. */
  show(row) {
    const top = row * this.#height;
    const bottom = top + this.#height - this.view;
    if (top < this.#at) this.#go(top < this.#at - this.view ? top - this.view / 2 : top);
    else if (bottom > this.#at) this.#go(bottom > this.#at + this.view ? top - this.view / 2 : bottom);
  }

  #total() {
    return this.#rows * this.#height;
  }

  #bound() {
    return Math.min(this.#total(), TALLEST);
  }

  /** How far the reader can go, and how far the bar. */
  #ends() {
    return [Math.max(0, this.#total() - this.view), Math.max(0, this.#bound() - this.view)];
  }

  #toBar(at) {
    const [end, bar] = this.#ends();
    if (end <= bar || at <= EDGE) return Math.min(at, bar);
    if (at >= end - EDGE) return bar - (end - at);
    return EDGE + ((at - EDGE) * (bar - 2 * EDGE)) / (end - 2 * EDGE);
  }

  #fromBar(place) {
    const [end, bar] = this.#ends();
    if (end <= bar || place <= EDGE) return place;
    if (place >= bar - EDGE) return end - (bar - place);
    return EDGE + ((place - EDGE) * (end - 2 * EDGE)) / (bar - 2 * EDGE);
  }

  #clamp(at) {
    return Math.min(Math.max(0, at), this.#ends()[0]);
  }

  #go(at) {
    this.#at = this.#clamp(at);
    this.#align();
    this.#changed();
  }

  /** Puts the bar where the reader is. */
  #align() {
    this.#box.scrollTop = Math.round(this.#toBar(this.#at));
    this.#bar = this.#box.scrollTop;
  }

  #scrolled() {
    const place = this.#box.scrollTop;
    const step = place - this.#bar;
    if (step === 0) return;
    this.#bar = place;
    const isShort = Math.abs(step) <= this.view;
    this.#at = this.#clamp(isShort ? this.#at + step : this.#fromBar(place));
    this.#changed();
    clearTimeout(this.#timer);
    const isNearEnd = place < this.view || place > this.#ends()[1] - this.view;
    if (isNearEnd) this.#align();
    else this.#timer = setTimeout(() => this.#align(), PAUSE);
  }

  #resized() {
    this.#at = this.#clamp(this.#at);
    this.#align();
    this.#changed();
  }
}
