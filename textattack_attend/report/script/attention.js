/* The masked units of an example: how many each head has, and which token no longer sees which. */

/* The JSON of structures/codec.py, of any version: each has a shape and matrices. */
function structureOf(example) {
  if (example.masked === null) return null;
  if (typeof example.masked === "string") example.masked = JSON.parse(example.masked);
  return example.masked;
}

function masksHead(example, layer, head) {
  const structure = structureOf(example);
  return structure !== null && structure.matrices.some(
    ([ofLayer, ofHead]) => (!layer || ofLayer === Number(layer)) && (!head || ofHead === Number(head)));
}

/* Tokens as structures/describe.py names them: one that occurs repeatedly carries its position. */
function namesOf(tokens) {
  const plain = tokens.map((token) => (token.replace(/^[Ġ▁]+/, "") || token).trim().replace(/\s+/g, " "));
  const counts = new Map();
  plain.forEach((token) => counts.set(token, (counts.get(token) ?? 0) + 1));
  return plain.map((token, n) => (counts.get(token) > 1 ? `${token}[${n}]` : token));
}

/* The names of the queries and the keys of a layer; a decoder reads a start token first. */
function sidesOf(example, layer) {
  const names = namesOf(example.tokens);
  const reach = structureOf(example).reach?.[layer] ?? [];
  return [reach[2], reach[3]].map((decoder) => (decoder ? ["<start>", ...names.slice(0, -1)] : names));
}

function cellsOf(steps, tokens) {
  let cell = 0;
  return steps.map((step) => {
    cell += step;
    return [Math.floor(cell / tokens), cell % tokens];
  });
}

function pairsOf(example, [layer, , steps]) {
  const [queries, keys] = sidesOf(example, layer);
  return cellsOf(steps, structureOf(example).shape[2]).map(([query, key]) => `${queries[query]} → ${keys[key]}`);
}

/* All masked units in words, of the first matrices the first pairs. */
function inWords(example, matrices = 40, most = 8) {
  const masked = structureOf(example).matrices;
  const list = element("ul");
  for (const matrix of masked.slice(0, matrices)) {
    const pairs = pairsOf(example, matrix);
    const more = pairs.length > most ? `, and ${pairs.length - most} more` : "";
    list.append(element("li", `layer ${matrix[0]}, head ${matrix[1]}: ${pairs.slice(0, most).join(", ")}${more}`));
  }
  if (masked.length > matrices) list.append(element("li", `and ${masked.length - matrices} more matrices`));
  const details = element("details", "", { class: "words" });
  details.append(element("summary", `Masked units in words, query → key, in ${masked.length} matrices`), list);
  return details;
}

/* A table of layers and heads with the number of masked units; a click on one shows its matrix. */
function overview(example, chosen) {
  const { shape: [layers, heads], matrices } = structureOf(example);
  const counts = new Map(matrices.map(([layer, head, steps]) => [`${layer}.${head}`, steps.length]));
  const most = Math.max(...counts.values());
  const table = element("table", "", { class: "heads" });
  table.append(element("caption", "Masked units by layer (down) and head (across)"));
  const top = table.createTHead().insertRow();
  top.append(element("td"));
  for (let head = 0; head < heads; head += 1) top.append(element("th", head, { scope: "col" }));
  const body = table.createTBody();
  for (let layer = 0; layer < layers; layer += 1) {
    const row = body.insertRow();
    row.append(element("th", layer, { scope: "row" }));
    for (let head = 0; head < heads; head += 1) row.append(headCell(counts.get(`${layer}.${head}`), `${layer}.${head}`, most, chosen));
  }
  if (counts.size) rove(table, "button");
  return scrolling(table, "Masked units by layer and head");
}

function headCell(count, matrix, most, chosen) {
  if (!count) return element("td", "·");
  const [layer, head] = matrix.split(".");
  const button = element("button", count, {
    type: "button",
    "aria-label": `layer ${layer}, head ${head}: ${count} masked`,
    "aria-pressed": String(matrix === chosen),
  });
  button.style.setProperty("--share", count / most);
  button.addEventListener("click", () => go({ matrix }));
  const cell = element("td");
  cell.append(button);
  return cell;
}

function scrolling(content, name) {
  const box = element("div", "", { class: "wide", tabindex: "0", role: "region", "aria-label": name });
  box.append(content);
  return box;
}

const CELL = 15;

/* The map of one matrix: a row for every query, a column for every key, the masked units marked.
   Where the attention is known, each cell is as strong as its probability. */
function mapOf(example, [layer, head, steps], attention = null, when = "") {
  const tokens = structureOf(example).shape[2];
  const [queries, keys] = sidesOf(example, layer);
  const margin = 8 + 7 * Math.min(24, Math.max(...[...queries, ...keys].map((name) => name.length)));
  const side = margin + CELL * tokens + 4;
  const map = drawn("svg", "", {
    class: "map", role: "img", width: side, height: side, viewBox: `0 0 ${side} ${side}`,
    "aria-label": `The matrix of layer ${layer}, head ${head}${when}: ${steps.length} of ${tokens * tokens} units are masked. The list below names them.`,
  });
  map.append(gridOf(margin, tokens), ...labelsOf(margin, queries, keys));
  const unit = (query, key, kind, said) => {
    const place = { class: kind, x: margin + CELL * key + 1, y: margin + CELL * query + 1, width: CELL - 2, height: CELL - 2 };
    const rectangle = drawn("rect", "", place);
    rectangle.append(drawn("title", `${queries[query]} → ${keys[key]}${said}`));
    map.append(rectangle);
    return rectangle;
  };
  attention?.forEach((share, cell) => {
    unit(Math.floor(cell / tokens), cell % tokens, "value", `: ${percent(share)}`).setAttribute("fill-opacity", share);
  });
  for (const [query, key] of cellsOf(steps, tokens)) {
    const said = attention ? `: ${percent(attention[query * tokens + key])}` : "";
    unit(query, key, attention ? "framed" : "masked", said);
  }
  return map;
}

function gridOf(margin, tokens) {
  const end = margin + CELL * tokens;
  const lines = [...Array(tokens + 1).keys()].map((n) => margin + CELL * n);
  return drawn("path", "", { class: "grid", d: lines.map((at) => `M${margin} ${at}H${end}M${at} ${margin}V${end}`).join("") });
}

function labelsOf(margin, queries, keys) {
  const cut = (name) => (name.length > 24 ? `${name.slice(0, 23)}…` : name);
  return queries.flatMap((query, n) => {
    const at = margin + CELL * n + 11;
    return [
      drawn("text", cut(query), { x: margin - 5, y: at, "text-anchor": "end" }),
      drawn("text", cut(keys[n]), { transform: `translate(${at} ${margin - 5}) rotate(-90)` }),
    ];
  });
}

/* The attention of the matrix before and after the attack, where the report has it. */
function mapsOf(example, matrix) {
  const known = example.attention;
  if (!known || known.layer !== matrix[0] || known.head !== matrix[1]) return [mapOf(example, matrix)];
  return ["before", "after"].map((when) => {
    const half = element("div");
    half.append(element("h5", `Attention ${when}`), mapOf(example, matrix, known[when], `, attention ${when}`));
    return half;
  });
}

/* The overview and the chosen matrix; without a choice, the one with the most masked units, or that
   whose attention is known. */
function attentionView(example, wanted) {
  const { matrices } = structureOf(example);
  const find = (name) => matrices.find(([layer, head]) => `${layer}.${head}` === name);
  const known = example.attention && find(`${example.attention.layer}.${example.attention.head}`);
  const shown = find(wanted) ?? known ?? matrices.reduce((a, b) => (b[2].length > a[2].length ? b : a));
  const section = element("section", "", { class: "attention" });
  const pairs = element("ul", "", { class: "pairs" });
  pairs.append(...pairsOf(example, shown).map((pair) => element("li", pair)));
  const title = `layer ${shown[0]}, head ${shown[1]}`;
  const maps = element("div", "", { class: "maps" });
  maps.append(...mapsOf(example, shown));
  section.append(
    element("h4", "Masked attention"),
    overview(example, `${shown[0]}.${shown[1]}`),
    element("h4", `Matrix of ${title}: which query (row) no longer sees which key (column)`),
    scrolling(maps, `Matrix of ${title}`),
    pairs,
  );
  return section;
}
