/* Begins the page: tables and figures at once, the examples once the browser has drawn them. */

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll(".wide").forEach(watchWidth);
document.querySelectorAll("figure svg").forEach((svg) => {
  if (svg.querySelector("a")) rove(svg, "a");
});
offerCopies();
requestAnimationFrame(() => setTimeout(async () => {
  try {
    browse(await unpacked(byId("data").textContent));
  } catch (error) {
    byId("found").textContent = `The examples cannot be unpacked by this browser (${error.message}).`;
  }
  readAddress();
}));
