/* Copies of tables and figures, and what became of them. */

/* A page from disk may not have the clipboard; then a selected text is copied, as in old browsers. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", "", { class: "unseen", readonly: "" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

async function copy(button) {
  const source = byId(button.dataset.copy);
  const name = button.getAttribute("aria-label") ?? button.textContent;
  if (await copied(source ? source.textContent : location.href)) {
    say(`${name}: copied.`);
  } else if (source) {
    source.hidden = false;
    getSelection().selectAllChildren(source);
    say(`${name}: this browser does not copy. The text is selected; press Ctrl+C.`);
  } else {
    say(`${name}: this browser does not copy. The address stands in its bar.`);
  }
}

/* A figure as a file of its own: without links, in colours for white paper. */
function standalone(svg, title) {
  const whole = svg.cloneNode(true);
  whole.querySelectorAll("a").forEach((link) => link.replaceWith(...link.childNodes));
  for (const name of ["role", "aria-labelledby", "aria-describedby", "class"]) whole.removeAttribute(name);
  whole.querySelectorAll("[aria-hidden]").forEach((part) => part.removeAttribute("aria-hidden"));
  whole.setAttribute("color", "#1d2026");
  whole.prepend(drawn("title", title));
  return `<?xml version="1.0" encoding="utf-8"?>\n${new XMLSerializer().serializeToString(whole)}\n`;
}

function download(button) {
  const svg = byId(button.dataset.download).querySelector("svg");
  const name = `${button.dataset.download}.svg`;
  const file = new Blob([standalone(svg, button.dataset.title)], { type: "image/svg+xml" });
  const link = element("a", "", { href: URL.createObjectURL(file), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  say(`${name}: saved where this browser saves its downloads.`);
}

function offerCopies() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.copy !== undefined) copy(button);
    if (button?.dataset.download) download(button);
  });
}
