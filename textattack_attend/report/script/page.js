"use strict";

/* What all parts of the page use. */

const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

/* Everything from data goes through textContent: a text with markup in it stays text. */
function filled(made, text, attributes) {
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function element(name, text = "", attributes = {}) {
  return filled(document.createElement(name), text, attributes);
}

function drawn(name, text = "", attributes = {}) {
  return filled(document.createElementNS(SVG, name), text, attributes);
}

/* A sentence that screen readers read aloud, and that stands at the edge of the window. */
function say(sentence) {
  const said = byId("said");
  said.textContent = sentence;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { said.textContent = ""; }, 4000);
}

/* Makes many links or buttons one stop of the Tab key; the arrow keys go from one to the next. */
function rove(container, selector) {
  const stops = [...container.querySelectorAll(selector)];
  const enter = (stop) => stops.forEach((other) => other.setAttribute("tabindex", other === stop ? 0 : -1));
  enter(stops.find((stop) => stop.getAttribute("aria-pressed") === "true") ?? stops[0]);
  container.addEventListener("keydown", (event) => {
    const stop = event.target.closest(selector);
    const next = stop && nearest(stop, stops, event.key);
    if (!next) return;
    event.preventDefault();
    enter(next);
    next.focus();
  });
}

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/* The nearest stop in the direction of an arrow key; a way aside counts double. */
function nearest(from, stops, key) {
  if (!(key in DIRECTIONS)) return null;
  const [right, down] = DIRECTIONS[key];
  const [x, y] = middle(from);
  let best = null;
  let least = Infinity;
  for (const stop of stops) {
    const [dx, dy] = middle(stop).map((place, n) => place - [x, y][n]);
    const ahead = dx * right + dy * down;
    const distance = ahead + 2 * Math.abs(dx * down + dy * right);
    if (ahead > 1 && distance < least) [best, least] = [stop, distance];
  }
  return best;
}

function middle(stop) {
  const box = stop.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}
