/* One example: its text, what the attack did to it, and the masked units. */

function percent(share) {
  return share === null ? "" : `${(100 * share).toFixed(1)}%`;
}

/* What tells an example from all others, also in a report that is made again. */
function keyOf(example) {
  return ["position", "seed", "checkpoint", "attack", "victim"].map((name) => example[name]).join("/");
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

/* The name of a class, or its number where the model has no names. */
function classOf(example, name) {
  return example[`${name}_name`] ?? example[name];
}

function factsOf(example) {
  const facts = element("dl");
  const fact = (name, value) => facts.append(element("dt", name), element("dd", value));
  fact("outcome", example.outcome);
  fact("label", classOf(example, "label"));
  if (example.before !== null) {
    fact("prediction", `${classOf(example, "before")} before, ${classOf(example, "after")} after`);
    fact("probability of the label", `${percent(example.confidence_before)} before, ${percent(example.confidence_after)} after`);
    fact("queries", example.queries);
  }
  if (example.error !== null) fact("error", example.error);
  return facts;
}

function described(example) {
  const changed = example.perturbed !== null && example.perturbed !== example.text;
  return [
    element("h3", `${example.attack} on ${example.victim}, example ${example.position}`),
    changed ? marked(example.text, example.perturbed) : element("p", example.text),
    ...(changed ? [marked(example.perturbed, example.text)] : []),
    factsOf(example),
  ];
}

function isPerturbed(example) {
  return (structureOf(example)?.matrices.length ?? 0) > 0;
}

function showExample(example) {
  const article = byId("example");
  article.hidden = !example;
  if (!example) return;
  const inside = isPerturbed(example) ? [attentionView(example, view.matrix), inWords(example)] : [];
  article.replaceChildren(...described(example), ...inside);
  article.querySelectorAll(".wide").forEach(watchWidth);
}

/* Another matrix of the example that is shown: the rest of it stays, and so does the focus. */
function showMatrix(example) {
  const old = byId("example").querySelector(".attention");
  if (!old) return;
  const focused = old.contains(document.activeElement);
  const shown = attentionView(example, view.matrix);
  old.replaceWith(shown);
  shown.querySelectorAll(".wide").forEach(watchWidth);
  if (focused) shown.querySelector("[aria-pressed=true]").focus({ preventScroll: true });
}

/* An example on paper, where nothing can be clicked. */
function onPaper(example) {
  const article = element("article");
  article.append(...described(example));
  if (isPerturbed(example)) {
    const words = inWords(example);
    words.open = true;
    article.append(words);
  }
  return article;
}
