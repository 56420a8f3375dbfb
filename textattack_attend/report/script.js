"use strict";

const PER_PAGE = 20;
const MATRICES = 40;
const PAIRS = 8;
const byId = (id) => document.getElementById(id);

/* Everything from data goes through textContent: a text with markup in it stays text. */
function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/* --- tables --- */

function sortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compared(a.cells[column].textContent, b.cells[column].textContent));
      if (descending) rows.reverse();
      table.tBodies[0].append(...rows);
    });
  });
}

/* Numbers by what they are, before texts by their letters, before nothing. */
function compared(a, b) {
  const [x, y] = [parseFloat(a), parseFloat(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return (a === "") - (b === "") || Number.isNaN(x) - Number.isNaN(y) || a.localeCompare(b);
}

/* --- examples --- */

async function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const { columns, rows } = JSON.parse(await new Response(stream).text());
  return rows.map((row) => Object.fromEntries(columns.map((column, n) => [column, row[n]])));
}

function percent(share) {
  return share === null ? "" : `${(100 * share).toFixed(1)}%`;
}

function listed(example) {
  const button = element("button", "", { type: "button" });
  button.append(element("span", example.text, { class: "text" }));
  const line = element("small");
  line.append(
    element("span", example.outcome, { class: example.outcome }),
    ` · ${example.attack} on ${example.victim} · ${example.position}`,
  );
  button.append(line);
  const item = element("li");
  item.append(button);
  return item;
}

/* Words of one text that the other has not, marked. */
function marked(text, other) {
  const words = new Set(other.split(/\s+/));
  const line = element("p");
  for (const part of text.split(/(\s+)/)) {
    line.append(part.trim() && !words.has(part) ? element("mark", part) : part);
  }
  return line;
}

/* The JSON of structures/codec.py, of any version: each has a shape and matrices. */
function maskedUnits(example) {
  const { shape, matrices } = JSON.parse(example.masked);
  const tokens = example.tokens;
  const list = element("ul");
  for (const [layer, head, steps] of matrices.slice(0, MATRICES)) {
    let cell = 0;
    const pairs = steps.map((step) => {
      cell += step;
      return `${tokens[Math.floor(cell / shape[2])]} → ${tokens[cell % shape[2]]}`;
    });
    const hidden = pairs.length - PAIRS;
    const more = hidden > 0 ? `, and ${hidden} more` : "";
    list.append(element("li", `layer ${layer}, head ${head}: ${pairs.slice(0, PAIRS).join(", ")}${more}`));
  }
  if (matrices.length > MATRICES) list.append(element("li", `and ${matrices.length - MATRICES} more matrices`));
  const details = element("details", "", { open: "" });
  details.append(element("summary", `Masked units, query → key, in ${matrices.length} matrices`), list);
  return details;
}

function show(example) {
  const article = byId("example");
  article.replaceChildren(element("h3", `${example.attack} on ${example.victim}, example ${example.position}`));
  const changed = example.perturbed !== null && example.perturbed !== example.text;
  article.append(changed ? marked(example.text, example.perturbed) : element("p", example.text));
  if (changed) article.append(marked(example.perturbed, example.text));
  const facts = element("dl");
  const fact = (name, value) => facts.append(element("dt", name), element("dd", value));
  fact("outcome", example.outcome);
  fact("label", example.label);
  if (example.before !== null) {
    fact("prediction", `${example.before} before, ${example.after} after`);
    fact("probability of the label", `${percent(example.confidence_before)} before, ${percent(example.confidence_after)} after`);
    fact("queries", example.queries);
  }
  if (example.error !== null) fact("error", example.error);
  article.append(facts);
  if (example.masked !== null) article.append(maskedUnits(example));
  article.hidden = false;
}

function browse(examples) {
  const form = byId("filter");
  let chosen = examples;
  let page = 0;

  for (const name of ["victim", "attack", "outcome"]) {
    for (const value of new Set(examples.map((example) => example[name]))) {
      form.elements[name].append(element("option", value, { value }));
    }
  }

  function turn(to) {
    const last = Math.max(0, Math.ceil(chosen.length / PER_PAGE) - 1);
    page = Math.min(Math.max(to, 0), last);
    const shown = chosen.slice(page * PER_PAGE, (page + 1) * PER_PAGE);
    const items = shown.map(listed);
    items.forEach((item, n) => item.firstChild.addEventListener("click", () => {
      items.forEach((other) => other.firstChild.removeAttribute("aria-current"));
      item.firstChild.setAttribute("aria-current", "true");
      show(shown[n]);
      if (matchMedia("(max-width: 60rem)").matches) byId("example").scrollIntoView({ block: "nearest" });
    }));
    byId("list").replaceChildren(...items);
    byId("found").textContent = `${chosen.length.toLocaleString("en")} examples`;
    byId("page").textContent = `${page + 1} of ${last + 1}`;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page === last;
  }

  function choose() {
    const wanted = form.elements.text.value.toLowerCase();
    chosen = examples.filter((example) =>
      ["victim", "attack", "outcome"].every((name) => !form.elements[name].value || example[name] === form.elements[name].value)
      && example.text.toLowerCase().includes(wanted));
    turn(0);
  }

  form.addEventListener("input", choose);
  form.addEventListener("change", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("previous").addEventListener("click", () => turn(page - 1));
  byId("next").addEventListener("click", () => turn(page + 1));
  turn(0);
}

document.querySelectorAll("table.sortable").forEach(sortable);
requestAnimationFrame(() => setTimeout(async () => {
  try {
    browse(await unpacked(byId("data").textContent));
  } catch (error) {
    byId("found").textContent = `The examples cannot be unpacked by this browser (${error.message}).`;
  }
}));
