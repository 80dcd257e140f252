// A table of any length: only the rows in sight exist; the box scrolls, the table stays where it is.

const ROW = 28;
// Firefox collapses an element taller than 17.8 million px.
const TALLEST = 15_000_000;

function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

function later(call, ms) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(call, ms); };
}

class Table {
  constructor(place, head, columns) {
    Object.assign(this, { place, head, columns, id: head.id, rows: head.rows, filters: new Map(), sorted: null, selected: -1, watchers: [] });
    this.byName = new Map(columns.map((column) => [column.name, column]));
    this.order = null;
    this.view = this.every();
    this.build();
    new ResizeObserver(() => this.draw(true)).observe(this.box);
    this.refresh();
  }

  every() { return Uint32Array.from({ length: this.rows }, (_, row) => row); }

  build() {
    this.shown = this.columns.filter((column) => column.shown);
    this.search = make("input", { type: "search", className: "search", placeholder: "Filter every column", ariaLabel: `Filter ${this.head.noun}` });
    this.count = make("output", { className: "count" });
    this.clear = make("button", { type: "button", className: "quiet", textContent: "Clear filters", hidden: true, onclick: () => this.setFilters({}) });
    const save = make("button", { type: "button", className: "quiet", textContent: "Save as CSV", title: "The rows that are shown, all columns", onclick: () => saveCsv(this) });
    const bar = make("div", { className: "bar" }, this.search, this.count, this.clear, save);
    const labels = make("tr", { className: "labels" }), inputs = make("tr", { className: "inputs" }), widths = make("colgroup");
    for (const column of this.shown) this.buildColumn(column, labels, inputs, widths);
    this.body = make("tbody");
    const table = make("table", {}, widths, make("thead", {}, labels, inputs), this.body);
    table.setAttribute("aria-rowcount", String(this.rows));
    this.clip = make("div", { className: "clip" }, table);
    this.size = make("div", { className: "size" }, this.clip);
    this.box = make("div", { className: "box", tabIndex: 0, onscroll: () => this.draw() }, this.size);
    this.box.setAttribute("role", "region");
    this.box.setAttribute("aria-label", this.head.noun);
    const narrow = matchMedia("(max-width: 700px)").matches;
    const fixed = this.shown.reduce((sum, column) => sum + (narrow && !column.narrow ? 0 : column.width || 30), 0);
    this.size.style.minWidth = `${fixed}ch`;
    this.search.oninput = later(() => this.refresh(), 60);
    this.place.replaceChildren(bar, this.box);
  }

  buildColumn(column, labels, inputs, widths) {
    const side = column.narrow ? "" : "wide";
    const col = make("col", { className: side });
    if (column.width) col.style.width = `${column.width}ch`;
    widths.append(col);
    column.arrow = make("span", { className: "arrow" });
    column.zone = make("span", { className: "zone" });
    const button = make("button", { type: "button", onclick: () => this.sort(column) }, column.label, column.zone, column.arrow);
    column.th = make("th", { className: `${side} k-${column.kind}`, scope: "col" }, button);
    column.th.dataset.label = column.label;
    labels.append(column.th);
    column.input = make("input", { type: "search", ariaLabel: `Filter ${column.label}`, oninput: later(() => this.refresh(), 60) });
    column.input.placeholder = { time: "2024-01 or a..b", bytes: "> 10k", number: "1..9" }[column.kind] ?? "";
    const cell = make("td", { className: side }, column.input);
    if (column.codes && column.words.length <= 40) {
      column.input.setAttribute("list", `list-${this.id}-${column.name}`);
      cell.append(make("datalist", { id: `list-${this.id}-${column.name}` }, ...column.words.filter(Boolean).map((value) => make("option", { value }))));
    }
    inputs.append(cell);
  }

  // filters: {column name: text}; the rest is cleared.
  setFilters(filters) {
    this.search.value = filters[""] ?? "";
    for (const column of this.shown) column.input.value = filters[column.name] ?? "";
    this.refresh();
  }

  sort(column) {
    const next = this.sorted?.column !== column ? false : this.sorted.down ? null : true;
    this.sorted = next === null ? null : { column, down: next };
    this.order = this.sorted ? this.every().sort(column.compare(next)) : null;
    for (const other of this.shown) {
      const here = this.sorted?.column === other;
      other.arrow.textContent = here ? (next ? " ▼" : " ▲") : "";
      if (here) other.th.setAttribute("aria-sort", next ? "descending" : "ascending");
      else other.th.removeAttribute("aria-sort");
    }
    this.refresh();
  }

  tests() {
    const tests = [];
    for (const column of this.shown) {
      const query = column.input.value.trim();
      const test = query && column.test(query);
      column.input.setAttribute("aria-invalid", String(test === null));
      if (test) tests.push(test);
    }
    const words = this.search.value.trim();
    if (words) {
      const any = this.shown.filter((column) => !column.numbers || column.name === "pid").map((column) => column.test(words)).filter(Boolean);
      tests.push((row) => any.some((test) => test(row)));
    }
    return tests;
  }

  refresh() {
    const tests = this.tests(), order = this.order ?? this.every();
    const filtered = tests.length > 0;
    this.hits = null;
    if (filtered) {
      const kept = new Uint32Array(order.length);
      let count = 0;
      for (const row of order) if (tests.every((test) => test(row))) kept[count++] = row;
      this.view = kept.slice(0, count);
      this.matches = count;
      if (this.head.tree && !this.order) this.withParents();
    } else { this.view = order; this.matches = order.length; }
    this.clear.hidden = !filtered;
    const more = this.head.leftOut ? `; ${this.head.leftOut.toLocaleString("en")} more are in the bag` : "";
    this.count.textContent = `${this.matches.toLocaleString("en")} of ${this.rows.toLocaleString("en")} ${this.head.noun}${more}`;
    this.place.dataset.shown = this.matches;
    this.selected = Math.min(this.selected, this.view.length - 1);
    this.box.scrollTop = 0;
    this.draw(true);
    for (const watcher of this.watchers) watcher(this);
  }

  // A process that stays is shown below its parents.
  withParents() {
    const depth = this.byName.get("depth").numbers, keep = new Set(this.view);
    this.hits = new Set(this.view);
    for (const row of this.view)
      for (let above = row - 1, level = depth[row]; above >= 0 && level > 0; above--)
        if (depth[above] < level) { keep.add(above); level = depth[above]; }
    this.view = Uint32Array.from(keep).sort();
  }

  get headHeight() { return this.body.parentNode.tHead.offsetHeight; }

  draw(whole = false) {
    if (!this.box.isConnected || printing) return;
    this.box.style.setProperty("--bar", `${this.box.offsetHeight - this.box.clientHeight - 2}px`);
    const inside = this.box.clientHeight, head = this.headHeight, all = this.view.length * ROW;
    const virtual = Math.min(all, TALLEST), room = Math.max(0, inside - head);
    this.box.style.setProperty("--rows", String(Math.max(1, Math.min(this.view.length, 20))));
    this.size.style.height = `${head + virtual}px`;
    this.clip.style.height = `${Math.min(inside, head + virtual)}px`;
    const scrolled = Math.min(this.box.scrollTop, Math.max(0, virtual - room));
    const top = all > virtual ? (scrolled / Math.max(1, virtual - room)) * (all - room) : scrolled;
    const first = Math.floor(top / ROW), count = Math.min(this.view.length - first, Math.ceil(room / ROW) + 1);
    this.body.style.transform = `translateY(${-(top - first * ROW)}px)`;
    if (!whole && first === this.first && count === this.drawn) return;
    this.first = first;
    this.drawn = count;
    while (this.body.rows.length > count) this.body.lastChild.remove();
    while (this.body.rows.length < count) this.body.append(this.emptyRow());
    for (let i = 0; i < count; i++) this.fill(this.body.rows[i], first + i);
  }

  emptyRow() {
    const row = make("tr");
    for (const column of this.shown) {
      const cell = make("td", { className: `${column.narrow ? "" : "wide "}k-${column.kind} c-${column.name}` });
      if (column.kind === "digest") cell.append(make("button", { type: "button", className: "digest", title: "Copy the whole digest" }));
      row.append(cell);
    }
    return row;
  }

  fill(node, index, whole = false) {
    const row = this.view[index];
    node.dataset.index = index;
    node.className = (index === this.selected ? "selected " : "") + (this.hits && !this.hits.has(row) ? "parent" : "");
    node.setAttribute("aria-rowindex", String(index + 1));
    this.shown.forEach((column, i) => {
      const cell = node.cells[i], text = column.show(row);
      if (column.kind === "digest" && !whole) {
        cell.firstChild.textContent = text.slice(0, 12);
        cell.firstChild.dataset.copy = text;
        cell.firstChild.hidden = text === "";
        return;
      }
      cell.textContent = text;
      if (!whole) cell.title = text.length > 12 ? text : "";
      if (MARKED.has(column.name)) cell.dataset.value = text;
      if (column.name === "name" && this.head.tree) cell.style.paddingLeft = `${8 + (this.order ? 0 : Math.min(24, this.byName.get("depth").numbers[row]) * 14)}px`;
    });
  }

  select(index) {
    this.selected = Math.max(0, Math.min(this.view.length - 1, index));
    const all = this.view.length * ROW, room = this.box.clientHeight - this.headHeight, top = this.selected * ROW;
    const scale = all > TALLEST ? (TALLEST - room) / (all - room) : 1;
    if (top * scale < this.box.scrollTop) this.box.scrollTop = top * scale;
    else if ((top + ROW - room) * scale > this.box.scrollTop) this.box.scrollTop = (top + ROW - room) * scale;
    this.draw(true);
  }
}

const MARKED = new Set(["level", "outcome", "state", "status", "flags", "action"]);
const PRINTED = 100;
let printing = false;
