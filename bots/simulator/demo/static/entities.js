// A Telegram text with its entities to nodes. Offsets count UTF-16 units, as JavaScript's strings do.

import { codeBlock, h, link } from "./drawing/dom.js";

const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);

/** Return the nodes of a text; entities stand beside or within each other. */
export function formatted(text, entities) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return within(text, sorted, 0, text.length);
}

function within(text, entities, start, end) {
  const nodes = [];
  let at = start;
  let index = 0;
  while (index < entities.length) {
    const entity = entities[index];
    const from = Math.max(entity.offset, at);
    const to = Math.min(entity.offset + entity.length, end);
    index += 1;
    if (to <= from) continue;
    if (from > at) nodes.push(text.slice(at, from));
    const inner = [];
    while (index < entities.length && entities[index].offset < to) inner.push(entities[index++]);
    nodes.push(node(entity, text.slice(from, to), within(text, inner, from, to)));
    at = to;
    // A block ends its line by itself.
    if (BLOCKS.has(entity.type) && text[at] === "\n") at += 1;
  }
  if (at < end) nodes.push(text.slice(at, end));
  return nodes;
}

const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", blockquote: "blockquote" };

function node(entity, text, children) {
  if (entity.type in TAGS) return h(TAGS[entity.type], {}, ...children);
  switch (entity.type) {
    case "pre":
      return codeBlock(text, entity.language ?? "");
    case "expandable_blockquote":
      return expandable(children);
    case "spoiler":
      return spoiler(children);
    case "text_link":
      return link(entity.url, ...children);
    case "url":
      return link(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`, ...children);
    case "email":
      return link(`mailto:${text}`, ...children);
    case "mention":
    case "text_mention":
    case "hashtag":
    case "bot_command":
      return h("span", { class: "mention" }, ...children);
    default:
      return h("span", {}, ...children);
  }
}

function expandable(children) {
  const quote = h("blockquote", { class: "folded" }, ...children);
  const button = h("button", { type: "button", class: "unfold", onclick: unfold }, "Show all");
  function unfold() {
    const folded = quote.classList.toggle("folded");
    button.textContent = folded ? "Show all" : "Show less";
  }
  return h("div", {}, quote, button);
}

function spoiler(children) {
  const hidden = h("span", { class: "spoiler", role: "button", tabindex: "0", "aria-label": "Hidden text" }, ...children);
  const show = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    hidden.classList.add("shown");
    for (const name of ["role", "tabindex", "aria-label"]) hidden.removeAttribute(name);
  };
  hidden.addEventListener("click", show);
  hidden.addEventListener("keydown", show);
  return hidden;
}
