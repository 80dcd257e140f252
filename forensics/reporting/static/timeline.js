// The histogram above the events: what the filters leave, by time; drag to narrow it.

const BINS = 120, SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

class Histogram {
  constructor(place, table) {
    Object.assign(this, { place, table, times: table.byName.get("ts").numbers, counts: new Uint32Array(BINS) });
    this.picture = svg("svg", { viewBox: `0 0 ${BINS * 10} 100`, preserveAspectRatio: "none", class: "bars", role: "img" });
    this.bars = Array.from({ length: BINS }, (_, i) => svg("rect", { x: i * 10 + 1, width: 8, y: 100, height: 0 }));
    this.brush = svg("rect", { class: "brush", y: 0, height: 100, x: 0, width: 0 });
    this.picture.append(...this.bars, this.brush);
    this.axis = make("div", { className: "axis" });
    this.note = make("p", { className: "note" });
    place.replaceChildren(this.picture, this.axis, this.note);
    this.listen();
    table.watchers.push(() => this.update());
    this.update();
  }

  // From first to last, but a few strays (1601, 1970) must not press all others into one bar.
  range() {
    const known = Float64Array.from(this.table.view, (row) => this.times[row]).filter((ms) => !Number.isNaN(ms)).sort();
    this.dated = known.length;
    if (!known.length) return null;
    const at = (share) => known[Math.min(known.length - 1, Math.floor(share * known.length))];
    let [from, to] = [known[0], known.at(-1)];
    const [low, high] = [at(0.005), at(0.995)], wide = Math.max(60_000, (high - low) * 0.1);
    if (to - from > 8 * (high - low) && known.length > 200) [from, to] = [Math.max(from, low - wide), Math.min(to, high + wide)];
    return [from, Math.max(to, from + 1000)];
  }

  update() {
    const range = this.range();
    this.place.classList.toggle("none", range === null);
    if (range === null) { this.note.textContent = "No event in the table has a time."; return; }
    [this.from, this.to] = range;
    this.counts.fill(0);
    const scale = BINS / (this.to - this.from + 1);
    let before = 0, after = 0;
    for (const row of this.table.view) {
      const ms = this.times[row];
      if (ms < this.from) before += 1;
      else if (ms > this.to) after += 1;
      else if (ms >= this.from) this.counts[Math.floor((ms - this.from) * scale)] += 1;
    }
    const most = this.counts.reduce((a, b) => Math.max(a, b), 1);
    this.bars.forEach((bar, i) => {
      const height = this.counts[i] ? Math.max(2, (this.counts[i] / most) * 100) : 0;
      bar.setAttribute("y", 100 - height);
      bar.setAttribute("height", height);
    });
    this.label(before, after, most);
  }

  label(before, after, most) {
    const middle = (this.from + this.to) / 2, long = this.to - this.from > 172_800_000;
    const ticks = [this.from, middle, this.to].map((ms) => make("span", { textContent: showTime(Math.round(ms)).slice(0, long ? 10 : 19) }));
    this.axis.replaceChildren(...ticks);
    const undated = this.table.view.length - this.dated;
    const words = [`${Zone.name}; tallest bar ${most.toLocaleString("en")} events; drag over the bars to narrow the table`];
    if (before) words.push(`${before.toLocaleString("en")} earlier, not drawn`);
    if (after) words.push(`${after.toLocaleString("en")} later, not drawn`);
    if (undated) words.push(`${undated.toLocaleString("en")} without a time`);
    this.note.textContent = words.join(" · ");
    this.picture.setAttribute("aria-label", `Events from ${showTime(this.from)} to ${showTime(this.to)} ${Zone.name}`);
  }

  share(event) {
    const box = this.picture.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  }

  listen() {
    let start = null;
    const draw = (a, b) => { this.brush.setAttribute("x", Math.min(a, b) * BINS * 10); this.brush.setAttribute("width", Math.abs(b - a) * BINS * 10); };
    this.picture.onpointerdown = (event) => { start = this.share(event); this.picture.setPointerCapture(event.pointerId); };
    this.picture.onpointermove = (event) => {
      const here = this.share(event), bin = Math.min(BINS - 1, Math.floor(here * BINS)), step = (this.to - this.from) / BINS;
      if (start !== null) draw(start, here);
      else this.note.textContent = `${this.counts[bin].toLocaleString("en")} events from ${showTime(Math.round(this.from + bin * step)).slice(0, 19)} ${Zone.name}`;
    };
    this.picture.onpointerup = (event) => {
      const [a, b] = [start, this.share(event)].sort((x, y) => x - y);
      start = null;
      draw(0, 0);
      const one = b - a < 1 / BINS, bin = Math.floor(a * BINS) / BINS, at = (share) => showTime(Math.round(this.from + share * (this.to - this.from)));
      const input = this.table.byName.get("ts").input;
      input.value = one ? `${at(bin)}..${at(bin + 1 / BINS)}` : `${at(a)}..${at(b)}`;
      this.table.refresh();
    };
    this.picture.onpointerleave = () => { if (start === null) this.update(); };
  }
}
