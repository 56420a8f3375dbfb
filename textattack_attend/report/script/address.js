/* The view is what of the page is shown. The address of the page says all of it after the #, so
   that an address can be shared, and the browser goes back and forward. */

const FILTERS = ["victim", "attack", "outcome", "text", "layer", "head"];
const VIEW = [...FILTERS, "page", "example", "matrix", "sort", "at"];
const rendered = [];
let view = {};

function viewOf(address) {
  const given = address.slice(address.indexOf("#") + 1);
  if (!given.includes("=")) return given ? { at: given } : {};
  return Object.fromEntries([...new URLSearchParams(given)].filter(([name]) => VIEW.includes(name)));
}

function addressOf(shown) {
  return `#${new URLSearchParams(VIEW.filter((name) => shown[name]).map((name) => [name, shown[name]]))}`;
}

/* Changes the view; a value of "" takes a part of it away. */
function go(changes, { replace = false } = {}) {
  const next = { ...view, ...changes };
  history[replace ? "replaceState" : "pushState"](null, "", addressOf(next));
  render(viewOf(addressOf(next)));
}

/* Shows a view: each part of the page registers in `rendered` how it shows one. */
function render(next) {
  const before = view;
  view = next;
  rendered.forEach((part) => part(view, before));
  if (view.at && view.at !== before.at) byId(view.at)?.scrollIntoView();
}

/* A link within the page keeps what it does not name; one that filters begins with all examples. */
function follow(event) {
  const link = event.target.closest("a");
  const address = link && (link.href.baseVal ?? link.getAttribute("href"));
  if (!address?.startsWith("#") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const named = viewOf(address);
  const cleared = address.includes("=") ? Object.fromEntries([...FILTERS, "page"].map((name) => [name, ""])) : {};
  view = { ...view, at: "" }; // a section that was shown already is scrolled to again
  go({ ...cleared, ...named });
  byId(view.at)?.focus({ preventScroll: true });
}

function readAddress() {
  document.addEventListener("click", follow);
  addEventListener("hashchange", () => render(viewOf(location.hash)));
  render(viewOf(location.hash));
  if (!view.at && (view.example || FILTERS.some((name) => view[name]))) byId("examples").scrollIntoView();
}
