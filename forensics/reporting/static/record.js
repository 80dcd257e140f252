// One row, opened: every field, and how to prove it: where it lies in the bag, and the command that checks it.

const facts = JSON.parse(document.getElementById("facts").textContent);

function quote(word) { return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`; }

async function copy(text, from) {
  try { await navigator.clipboard.writeText(text); }
  catch {
    const area = make("textarea", { value: text, className: "offstage" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  if (from) { from.classList.add("copied"); setTimeout(() => from.classList.remove("copied"), 900); }
}

function command(text, what) {
  const button = make("button", { type: "button", className: "quiet copy", textContent: "Copy" });
  button.dataset.copy = text;
  return make("div", { className: "command" }, make("p", { textContent: what }), make("pre", {}, make("code", { textContent: text })), button);
}

// value(name) gives a field of the row, "" if there is none.
function proofs(id, value) {
  const bag = quote(facts.bag), seq = value("seq"), steps = [];
  const content = id === "artefacts" ? value("sha256") : value("content"), stored = value("stored");
  const hex = /^[0-9a-f]{64}$/.test(content), parts = value("parts");
  const file = stored ? `${facts.bag}/${stored}` : `${facts.bag}/data/objects/${content.slice(0, 2)}/${content}`;
  if (hex && !parts) steps.push([`sha256sum -- ${quote(file)}`, `The content lies at this path of the bag; it prints ${content.slice(0, 12)}…`]);
  if (hex && parts) steps.push([`sealbag show ${bag} --seq ${seq} --content | sha256sum`, `The content is stored in parts; together they give ${content.slice(0, 12)}…`]);
  if (seq !== "") steps.push([`sealbag show ${bag} --seq ${seq}`, `Line ${seq} of the ledger says how it was taken.`]);
  if (seq !== "") steps.push([`sed -n ${Number(seq) + 1}p ${quote(`${facts.bag}/custody/ledger.jsonl`)}`, "The same line, without sealbag."]);
  const event = value("event_id");
  if (/^[0-9a-f]{64}$/.test(event)) steps.push([`sealbag cite ${bag} ${event} --out event.json`, "One file that proves this event without the bag, if it was parsed before the seal."]);
  else if (seq !== "") steps.push([`sealbag cite ${bag} ${seq} --out line-${seq}.json`, `One file that proves line ${seq} without the bag.`]);
  if (hex && value("parser") && value("locator")) {
    const words = ["sealbag-event-1", content, value("parser"), value("locator")].map(quote).join(" ");
    steps.push([`printf '%s\\0%s\\0%s\\0%s' ${words} | sha256sum`, "The event's identity is the digest of its content, parser and place."]);
  }
  steps.push([facts.verify, "The whole bag, and with it every line and content above, against the seal."]);
  return steps;
}

function pretty(value) { return typeof value === "object" && value !== null ? JSON.stringify(value, null, 2) : String(value); }

const drawer = document.getElementById("record");
let opened = null;

async function restOf(table, row) {
  if (!table.head.rest) return {};
  table.rest ??= unpack(table.id, "rest").then((buffer) => new Column({ kind: "record", layout: "" }, buffer, table.rows));
  const text = (await table.rest).at(row);
  return text === "" ? {} : JSON.parse(text);
}

const PROSE = new Set(["level", "title", "why", "not_proof", "by", "outcome", "state", "status", "detail", "reason", "message", "action"]);

function field(name, text, kind, prose = false) {
  const value = make("dd", { className: !prose && (kind === "text" || kind === "code" || kind === "digest") ? "mono" : "" });
  value.append(text.includes("\n") ? make("pre", { textContent: text }) : text);
  if (kind === "digest" || /^[0-9a-f]{64}$/.test(text)) {
    const button = make("button", { type: "button", className: "quiet copy", textContent: "Copy" });
    button.dataset.copy = text;
    value.append(" ", button);
  }
  return [make("dt", { textContent: name }), value];
}

async function openRow(table, index) {
  const row = table.view[index];
  if (row === undefined) return;
  const rest = await restOf(table, row), list = make("dl");
  const value = (name) => table.byName.get(name)?.show(row) ?? (name in rest ? pretty(rest[name]) : "");
  for (const column of table.columns) {
    const text = column.show(row, true), zone = column.kind === "time" && text ? ` ${Zone.name}` : "";
    if (text !== "" && column.name !== "depth") list.append(...field(column.label, text + zone, column.kind, PROSE.has(column.name)));
  }
  for (const [name, item] of Object.entries(rest)) list.append(...field(name.replaceAll("_", " "), pretty(item), "text"));
  const prove = make("section", { className: "prove" }, make("h3", { textContent: "Prove it" }));
  for (const [text, what] of proofs(table.id, value)) prove.append(command(text, what));
  drawer.querySelector(".title").textContent = `${table.head.noun}, row ${(index + 1).toLocaleString("en")} of ${table.view.length.toLocaleString("en")}`;
  drawer.querySelector(".content").replaceChildren(list, prove);
  drawer.hidden = false;
  drawer.querySelector(".content").scrollTop = 0;
  document.documentElement.classList.add("reading");
  opened = { table, index };
}

function closeRow() {
  drawer.hidden = true;
  document.documentElement.classList.remove("reading");
  opened?.table.box.focus({ preventScroll: true });
  opened = null;
}

// A cell that begins as a formula would be run by a spreadsheet: the apostrophe makes it text.
function csvCell(text) { return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`; }

function saveCsv(table) {
  const columns = table.columns.filter((column) => column.name !== "depth");
  const lines = [columns.map((column) => csvCell(column.kind === "time" ? `${column.label} (${Zone.name})` : column.label)).join(",")];
  for (const row of table.view) lines.push(columns.map((column) => csvCell(column.kind === "bytes" ? String(column.at(row)) : column.show(row, true))).join(","));
  const url = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
  make("a", { href: url, download: `${table.id}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
