// The page: tables are made one after the other, keys, theme, zone, print.

const tables = new Map(), histograms = [];
let current = null;

async function load(node) {
  const head = JSON.parse(node.textContent), place = document.querySelector(`.table[data-table="${head.id}"]`);
  const columns = await Promise.all(head.columns.map(async (column) => new Column(column, await unpack(head.id, column.name), head.rows)));
  const table = new Table(place, head, columns);
  tables.set(head.id, table);
  const picture = document.querySelector(`.histogram[data-table="${head.id}"]`);
  if (picture) histograms.push(new Histogram(picture, table));
  place.addEventListener("click", (event) => pick(table, event));
  place.addEventListener("focusin", () => { current = table; });
}

function pick(table, event) {
  current = table;
  const row = event.target.closest("tbody tr");
  if (!row || event.target.closest("button")) return;
  table.select(Number(row.dataset.index));
  openRow(table, table.selected);
}

function show(id, row) {
  const table = tables.get(id);
  if (!table) return;
  table.setFilters({});
  const index = table.view.indexOf(row);
  current = table;
  table.select(index);
  openRow(table, index);
}

// The table that the reader works in, else the one that is most in sight.
function inSight() {
  const middle = innerHeight / 2, away = (table) => { const box = table.box.getBoundingClientRect(); return Math.max(0, box.top - middle, middle - box.bottom); };
  if (current && away(current) === 0) return current;
  return [...tables.values()].sort((a, b) => away(a) - away(b))[0] ?? null;
}

function step(by) {
  const table = inSight();
  if (!table) return;
  current = table;
  table.select(table.selected + by);
  if (opened) openRow(table, table.selected);
  else table.box.scrollIntoView({ block: "nearest" });
}

function turn(by) {
  const sections = [...document.querySelectorAll("main > section")];
  const here = sections.findLastIndex((section) => section.getBoundingClientRect().top < 120);
  sections[Math.max(0, Math.min(sections.length - 1, here + by))]?.scrollIntoView();
}

const help = document.getElementById("help"), root = document.documentElement;
const THEMES = ["auto", "light", "dark"];

function setTheme(name) {
  root.dataset.theme = name;
  document.getElementById("theme").textContent = `Theme: ${name}`;
}

function search() {
  const table = inSight();
  if (!table) return;
  table.box.scrollIntoView({ block: "nearest" });
  table.search.focus();
}

const KEYS = {
  j: () => step(1), k: () => step(-1), "/": search, "?": () => help.showModal(),
  Enter: () => { const table = inSight(); if (table?.selected >= 0) openRow(table, table.selected); },
  "]": () => turn(1), "[": () => turn(-1), t: () => setTheme(THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % 3]),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && opened && !help.open) return closeRow();
  if (event.target.closest("input, select, textarea, dialog")) { if (event.key === "Escape") event.target.blur(); return; }
  if (event.key === "Enter" && event.target.closest("button, a, summary")) return;
  const call = KEYS[event.key];
  if (call) { event.preventDefault(); call(); }
});

addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy !== undefined) copy(button.dataset.copy, button);
  if (button.dataset.open !== undefined) show(button.dataset.open, Number(button.dataset.row));
  if (button.dataset.close !== undefined) closeRow();
});

function zones() {
  const select = document.getElementById("zone"), own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const choices = new Map([["UTC", "UTC"]]);
  if (facts.zone && facts.zone !== "UTC" && knownZone(facts.zone)) choices.set(facts.zone, `${facts.zone} (the host)`);
  if (own && own !== "UTC" && !choices.has(own)) choices.set(own, `${own} (this computer)`);
  select.replaceChildren(...[...choices].map(([value, textContent]) => make("option", { value, textContent })));
  select.onchange = () => { setZone(select.value); redraw(); };
}

function redraw() {
  for (const node of document.querySelectorAll("time[datetime]")) {
    const ms = Date.parse(node.dateTime);
    if (!Number.isNaN(ms)) node.textContent = `${showTime(ms).slice(0, 19)} ${Zone.name}`;
  }
  for (const table of tables.values()) {
    for (const column of table.shown) if (column.kind === "time") { column.zone.textContent = ` ${Zone.name}`; column.th.dataset.label = `${column.label} ${Zone.name}`; }
    table.refresh();
  }
  if (opened) openRow(opened.table, opened.index);
}

addEventListener("beforeprint", () => {
  printing = true;
  for (const node of document.querySelectorAll("details")) node.open = true;
  for (const table of tables.values()) {
    const count = Math.min(PRINTED, table.view.length);
    table.size.style.height = table.clip.style.height = table.body.style.transform = "";
    table.body.replaceChildren();
    for (let i = 0; i < count; i++) { const row = table.body.appendChild(table.emptyRow()); table.fill(row, i, true); }
    const note = make("p", { className: "printed", textContent: `Printed: the first ${count.toLocaleString("en")} of ${table.view.length.toLocaleString("en")} ${table.head.noun} that the filters leave.` });
    table.place.append(note);
  }
});

addEventListener("afterprint", () => {
  printing = false;
  for (const table of tables.values()) {
    table.place.querySelector(".printed")?.remove();
    table.body.replaceChildren();
    table.draw(true);
  }
});

document.getElementById("theme").onclick = KEYS.t;
document.getElementById("keys").onclick = KEYS["?"];
zones();

(async () => {
  for (const node of document.querySelectorAll("script.head")) {
    try { await load(node); }
    catch (error) {
      const id = JSON.parse(node.textContent).id;
      document.querySelector(`.table[data-table="${id}"]`).replaceChildren(make("p", { className: "failed", textContent: `This table could not be shown: ${error.message}` }));
      console.error(id, error);
    }
  }
  redraw();
  root.dataset.ready = String(Math.round(performance.now()));
})();
