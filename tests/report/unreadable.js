/* Returns how many texts are seen, and those whose contrast is below 4.5 with what is under them. */
const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
  .getContext("2d", { willReadFrequently: true });
const painted = (colors) => {
  colors.forEach((color) => { context.fillStyle = color; context.fillRect(0, 0, 1, 1); });
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const luminance = (rgb) => rgb
  .map((part) => part / 255)
  .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  .reduce((sum, part, n) => sum + part * [0.2126, 0.7152, 0.0722][n], 0);
const under = (element) => {
  const layers = [];
  for (let parent = element; parent; parent = parent.parentElement) layers.unshift(getComputedStyle(parent).backgroundColor);
  if (element.ownerSVGElement?.closest("figure")) {
    const box = element.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    for (const path of element.ownerSVGElement.querySelectorAll("path")) {
      const { left, right, top, bottom } = path.getBoundingClientRect();
      const style = getComputedStyle(path);
      if (left <= x && x <= right && top <= y && y <= bottom && style.fill !== "none" && path.closest("a")) {
        const [r, g, b] = style.fill.match(/[\d.]+/g);
        layers.push(`rgba(${r}, ${g}, ${b}, ${style.fillOpacity * style.opacity})`);
      }
    }
  }
  return layers;
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const unreadable = [];
let seen = 0;
while (walker.nextNode()) {
  const [text, element] = [walker.currentNode.data.trim(), walker.currentNode.parentElement];
  if (!text || !element.checkVisibility() || element.closest("script, style, .unseen, option, title, noscript")) continue;
  seen += 1;
  const style = getComputedStyle(element);
  const layers = under(element);
  const paper = luminance(painted(layers));
  const ink = luminance(painted([...layers, element.ownerSVGElement ? style.fill : style.color]));
  const contrast = (Math.max(paper, ink) + 0.05) / (Math.min(paper, ink) + 0.05);
  if (contrast < 4.5) unreadable.push([text, contrast]);
}
return [seen, unreadable];
