// Columns: a block of the page becomes texts, numbers or times; each knows how to show, sort and filter.

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

async function unpack(table, name) {
  const node = document.querySelector(`script[data-table="${table}"][data-column="${name}"]`);
  const stream = new Blob([bytesOf(node.textContent.trim())]).stream().pipeThrough(new DecompressionStream("gzip"));
  node.remove();
  return new Response(stream).arrayBuffer();
}

const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f64: Float64Array };
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function showBytes(count) {
  let unit = 0;
  while (count >= 1024 && unit < 5) { count /= 1024; unit += 1; }
  return `${unit && count < 100 ? count.toFixed(1) : Math.round(count)} ${UNITS[unit]}`;
}

// Words that all must be there; !word must not; ="text" is the whole value.
function textTest(query) {
  const whole = /^="?(.*?)"?$/.exec(query);
  if (whole) { const wanted = whole[1].toLowerCase(); return (text) => text === wanted; }
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const yes = words.filter((word) => word[0] !== "!" || word === "!");
  const no = words.filter((word) => word[0] === "!" && word !== "!").map((word) => word.slice(1));
  if (yes.length === 1 && !no.length) return (text) => text.includes(yes[0]);
  return (text) => yes.every((word) => text.includes(word)) && !no.some((word) => text.includes(word));
}

function numberTest(query) {
  const range = /^\s*(-?[\d.]+)?\s*\.\.\s*(-?[\d.]+)?\s*$/.exec(query);
  if (range) { const low = Number(range[1] ?? -Infinity), high = Number(range[2] ?? Infinity); return (n) => n >= low && n <= high; }
  const match = /^\s*(<=|>=|<|>|=)?\s*(-?[\d.,]+)\s*([kmgt]?)i?b?\s*$/i.exec(query);
  if (!match) return null;
  const wanted = Number(match[2].replaceAll(",", "")) * 1024 ** " kmgt".indexOf((match[3] || " ").toLowerCase());
  return { "<": (n) => n < wanted, "<=": (n) => n <= wanted, ">": (n) => n > wanted, ">=": (n) => n >= wanted }[match[1]] ?? ((n) => n === wanted);
}

class Column {
  constructor(head, buffer, rows) {
    Object.assign(this, head);
    const view = new DataView(buffer), length = view.getUint32(0, true);
    const json = new Uint8Array(buffer, 4, length === 0xffffffff ? buffer.byteLength - 4 : length);
    this.words = head.kind === "time" ? null : JSON.parse(new TextDecoder().decode(json));
    const start = length === 0xffffffff ? 0 : 4 + length + ((8 - ((length + 4) % 8)) % 8);
    if (head.layout === "time") {
      this.numbers = new Float64Array(buffer, start, rows);
      this.rest = new Uint32Array(buffer, start + 8 * rows, rows);
    } else if (head.layout === "f64") this.numbers = new Float64Array(buffer, start, rows);
    else if (head.layout) this.codes = new ARRAYS[head.layout](buffer, start, rows);
  }

  at(row) { return this.numbers ? this.numbers[row] : this.words[this.codes ? this.codes[row] : row]; }

  show(row, whole = false) {
    if (!this.numbers) return this.at(row);
    const value = this.numbers[row];
    if (this.kind === "time") return showTime(value, whole && !Number.isNaN(value) ? this.rest[row] : undefined);
    if (Number.isNaN(value)) return "";
    if (this.kind !== "bytes") return String(value);
    return whole ? `${value.toLocaleString("en")} bytes` : showBytes(value);
  }

  get lower() { return (this.lowered ??= this.words.map((word) => word.toLowerCase())); }

  // A function from row to whether it stays; null if what was typed means nothing here.
  test(query) {
    if (this.numbers) {
      const test = this.kind === "time" ? timeTest(query) : numberTest(query);
      return test && ((row) => test(this.numbers[row]));
    }
    const test = textTest(query), lower = this.lower, codes = this.codes;
    if (!codes) return (row) => test(lower[row]);
    const kept = Uint8Array.from(lower, (word) => (test(word) ? 1 : 0));
    return (row) => kept[codes[row]] === 1;
  }

  // A function that compares two rows; rows without a value come last either way.
  compare(down) {
    const sign = down ? -1 : 1;
    if (this.numbers) {
      const value = this.numbers, rest = this.rest;
      return (a, b) => {
        const x = value[a], y = value[b];
        if (x === y) return rest && rest[a] !== rest[b] ? sign * (rest[a] - rest[b]) : a - b;
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a - b;
        return sign * (x - y);
      };
    }
    const keys = this.codes ? this.ranks() : null, words = keys ? null : this.lower;
    const key = keys ? (row) => keys[this.codes[row]] : (row) => words[row], none = keys ? -1 : "";
    return (a, b) => {
      const x = key(a), y = key(b);
      if (x === y) return a - b;
      if (x === none || y === none) return x === none ? 1 : -1;
      return x < y ? -sign : sign;
    };
  }

  ranks() {
    const order = this.lower.map((word, code) => [word, code]).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    const ranks = new Int32Array(order.length);
    order.forEach(([word, code], rank) => { ranks[code] = word === "" ? -1 : LEVEL_RANK[word] ?? rank; });
    return ranks;
  }
}

const LEVEL_RANK = { alert: -4, warning: -3, notice: -2 };
