/* The list of examples, its filters, and what is printed of it. */

const PER_PAGE = 20;
const UNFILTERED = 20;

async function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const { columns, rows } = JSON.parse(await new Response(stream).text());
  return rows.map((row) => Object.fromEntries(columns.map((column, n) => [column, row[n]])));
}

function chosenOf(examples, { victim, attack, outcome, text = "", layer, head }) {
  const wanted = text.toLowerCase();
  return examples.filter((example) =>
    (!victim || example.victim === victim)
    && (!attack || example.attack === attack)
    && (!outcome || example.outcome === outcome)
    && (!wanted || example.text.toLowerCase().includes(wanted))
    && ((!layer && !head) || masksHead(example, layer, head)));
}

function counted(number) {
  return `${number.toLocaleString("en")} example${number === 1 ? "" : "s"}`;
}

function listed(example) {
  const button = element("button", "", { type: "button", "data-key": keyOf(example) });
  const line = element("small");
  line.append(
    element("span", example.outcome, { class: example.outcome }),
    ` · ${example.attack} on ${example.victim} · ${example.position}`,
  );
  button.append(element("span", example.text, { class: "text" }), line);
  button.addEventListener("click", () => {
    go({ example: keyOf(example), matrix: "", at: "" });
    say(`Example ${example.position} is shown.`);
    if (matchMedia("(max-width: 60rem)").matches) byId("example").scrollIntoView({ block: "nearest" });
  });
  const item = element("li");
  item.append(button);
  return item;
}

/* A chip for every filter says what is left out, and takes it away. */
function chip([name, value]) {
  const button = element("button", `${name} ${value} ×`, { type: "button", "aria-label": `Remove the filter: ${name} ${value}` });
  button.addEventListener("click", () => {
    go({ [name]: "", page: "" });
    byId("found").focus();
  });
  return button;
}

function filtersOf(shown) {
  return FILTERS.filter((name) => shown[name]).map((name) => [name, shown[name]]);
}

/* The examples of the view, those of its page, and whether any stand before and after it. */
function turned(chosen, shown) {
  const last = Math.max(1, Math.ceil(chosen.length / PER_PAGE));
  const page = Math.min(Math.max(Math.trunc(Number(shown.page)) || 1, 1), last);
  byId("page").textContent = `${page} of ${last}`;
  byId("previous").disabled = page === 1;
  byId("next").disabled = page === last;
  byId("previous").onclick = () => go({ page: String(page - 1) });
  byId("next").onclick = () => go({ page: String(page + 1) });
  return chosen.slice((page - 1) * PER_PAGE, page * PER_PAGE);
}

/* Shows the list anew where the filters or the page have changed. */
function showList(examples, form) {
  let last = null;
  return (shown) => {
    const state = addressOf({ ...shown, example: "", matrix: "", sort: "", at: "" });
    if (state === last) return;
    last = state;
    for (const name of ["victim", "attack", "outcome", "text"]) {
      if (form.elements[name].value !== (shown[name] ?? "")) form.elements[name].value = shown[name] ?? "";
    }
    const chosen = chosenOf(examples, shown);
    byId("list").replaceChildren(...turned(chosen, shown).map(listed));
    byId("found").textContent = counted(chosen.length);
    byId("chips").replaceChildren(...filtersOf(shown).map(chip));
  };
}

function browse(examples) {
  const form = byId("filter");
  const byKey = new Map(examples.map((example) => [keyOf(example), example]));
  for (const name of ["victim", "attack", "outcome"]) {
    for (const value of new Set(examples.map((example) => example[name]))) {
      form.elements[name].append(element("option", value, { value }));
    }
  }
  rendered.push(showList(examples, form), (shown, before) => {
    const example = byKey.get(shown.example);
    if (shown.example !== before.example) showExample(example);
    else if (shown.matrix !== before.matrix) showMatrix(example);
    for (const button of byId("list").querySelectorAll("button")) {
      if (button.dataset.key === shown.example) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  });
  const choose = ({ target: { name, value } }) => {
    if (value === (view[name] ?? "")) return;
    go({ [name]: value, page: "", at: "" }, { replace: name === "text" && Boolean(view.text) });
  };
  form.addEventListener("input", choose);
  form.addEventListener("change", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("#provenance details:not([open])")];
    opened.forEach((details) => { details.open = true; });
    printed(examples);
  });
  addEventListener("afterprint", () => {
    opened.forEach((details) => { details.open = false; });
    byId("printed").replaceChildren();
  });
}

/* Paper has the examples that the filters leave; without a filter the first ones, and says so. */
function printed(examples) {
  const filters = filtersOf(view).map(([name, value]) => `${name} ${value}`);
  const chosen = chosenOf(examples, view);
  const shown = filters.length ? chosen : chosen.slice(0, UNFILTERED);
  const cut = shown.length < chosen.length ? `: the first ${shown.length}, as no filter is chosen` : "";
  const line = filters.length ? `${counted(chosen.length)} with ${filters.join(", ")}` : `${counted(chosen.length)}${cut}`;
  byId("printed").replaceChildren(element("p", line), ...shown.map(onPaper));
}
