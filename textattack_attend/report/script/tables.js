/* Tables: their order, and a sign where a part of one is out of sight. */

/* Numbers by what they are, before texts by their letters, before nothing. */
function compared(a, b) {
  const [x, y] = [parseFloat(a), parseFloat(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return (a === "") - (b === "") || Number.isNaN(x) - Number.isNaN(y) || a.localeCompare(b);
}

/* In the address a sorting is the number of the table, that of the column, and the direction. */
function sortable(table, number) {
  const headings = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") === "ascending";
      go({ sort: `${number}.${column}.${descending ? "descending" : "ascending"}` });
    });
  });
  rendered.push((shown, before) => {
    if (shown.sort === before.sort) return;
    const [wanted, column, direction] = (shown.sort ?? "").split(".");
    const sorted = wanted === String(number) ? headings[column] : undefined;
    headings.forEach((heading) => heading.removeAttribute("aria-sort"));
    const order = [...rows];
    if (sorted) {
      sorted.setAttribute("aria-sort", direction === "descending" ? "descending" : "ascending");
      order.sort((a, b) => compared(a.cells[column].textContent, b.cells[column].textContent));
      if (direction === "descending") order.reverse();
    }
    table.tBodies[0].append(...order);
  });
}

/* A box that scrolls says so, as long as there is more to the right. */
function watchWidth(box) {
  const sign = element("p", "Scroll sideways to see all of it →", { class: "sign", "aria-hidden": "true" });
  box.before(sign);
  const look = () => {
    sign.hidden = box.scrollWidth <= box.clientWidth + 1;
    box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
  };
  box.addEventListener("scroll", look, { passive: true });
  const observer = new ResizeObserver(look);
  observer.observe(box);
  if (box.firstElementChild) observer.observe(box.firstElementChild);
  look();
}
