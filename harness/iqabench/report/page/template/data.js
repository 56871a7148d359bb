// What the page carries, unpacked. Rows are images, columns scorers.
const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);

function unpack(text, Kind) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at++) bytes[at] = raw.charCodeAt(at);
  return Kind ? new Kind(bytes.buffer) : bytes;
}

const count = data.n;
const scorers = data.scorers;
const allScores = unpack(data.scores, Float32Array);
const scoresOf = scorers.map((_, at) => allScores.subarray(at * count, (at + 1) * count));
const mos = unpack(data.mos, Float32Array);
const codesOf = {};
for (const name of ["item", "degrader", "enhancer", "task", "dataset"]) codesOf[name] = unpack(data[name].codes, Uint32Array);
const fact = (name, row) => data[name].labels[codesOf[name][row]];

const groups = (data.groups || []).map((group) => {
  const mask = unpack(group.images);
  const rows = [];
  for (let row = 0; row < count; row++) if ((mask[row >> 3] >> (row & 7)) & 1) rows.push(row);
  return { ...group, rows };
});
const fits = data.fits ? unpack(data.fits, Float32Array) : null;
const figures = Object.fromEntries(Object.entries(data.figures || {}).map(([name, text]) => [name, unpack(text, Float32Array)]));

let carried = null;
function picture(row, size) {
  carried = carried || JSON.parse(element("pictures").textContent);
  const other = size === "large" ? "small" : "large";
  return carried[size][row] || carried[other][row] || "";
}

const words = (row) => [fact("item", row), fact("degrader", row), fact("enhancer", row)].filter(Boolean).join(" · ");
const version = (row) => [fact("degrader", row), fact("enhancer", row)].filter(Boolean).join(" → ") || "original";

function number(value) {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  return value.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
}

function make(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function choose(select, labels, chosen) {
  select.replaceChildren(...labels.map((label, at) => {
    const option = make("option", label);
    option.value = at;
    return option;
  }));
  select.value = chosen;
}

function shown(row, size) {
  const source = picture(row, size);
  if (!source) return make("div", (data.missing && data.missing[row]) || "picture not in this page", "none-there");
  const image = make("img");
  image.src = source;
  image.alt = words(row);
  return image;
}
