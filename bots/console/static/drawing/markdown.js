// Markdown as Slack shows it, to nodes: blocks here, words in inline.js. Never touches innerHTML.

import { codeBlock, h } from "./dom.js";
import { inline } from "./inline.js";

const FENCE = /^( {0,3})(`{3,}|~{3,})[ \t]*([^`\n]*)$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+•]|\d{1,9}[.)])( +|$)(.*)$/;
const TABLE_RULE = /^ *\|?( *:?-+:? *\|)+( *:?-+:? *)?\|? *$/;
const TASK = /^\[([ xX])\] +/;

/** Return the nodes of a whole text. */
export function markdown(text) {
  return blocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"));
}

function blocks(lines) {
  const made = [];
  let at = 0;
  while (at < lines.length) {
    const [node, next] = blockAt(lines, at);
    if (node) made.push(node);
    at = next;
  }
  return made;
}

/** Return the block that begins at line `at`, and the line after it. */
function blockAt(lines, at) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  const fence = FENCE.exec(line);
  if (fence) return fenced(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) {
    const level = heading[1].length;
    return [h("p", { class: `heading h${level}`, role: "heading", "aria-level": level + 2 }, ...inline(heading[2])), at + 1];
  }
  if (RULE.test(line)) return [h("hr"), at + 1];
  if (QUOTE.test(line)) return quoted(lines, at);
  if (ITEM.test(line)) return listed(lines, at);
  if (isTable(lines, at)) return table(lines, at);
  return paragraph(lines, at);
}

function fenced(lines, at, [, indent, ticks, language]) {
  const closing = new RegExp(`^ {0,3}${ticks[0]}{${ticks.length},} *$`);
  const margin = new RegExp(`^ {0,${indent.length}}`);
  const body = [];
  let next = at + 1;
  for (; next < lines.length && !closing.test(lines[next]); next += 1) body.push(lines[next].replace(margin, ""));
  return [codeBlock(body.join("\n"), language.trim().split(/[\s{]/)[0]), next + 1];
}

function quoted(lines, at) {
  const body = [];
  let next = at;
  for (; next < lines.length && lines[next].trim(); next += 1) {
    const marked = QUOTE.test(lines[next]);
    if (!marked && startsBlock(lines, next)) break;
    body.push(lines[next].replace(QUOTE, ""));
  }
  return [h("blockquote", {}, ...blocks(body)), next];
}

function startsBlock(lines, at) {
  const line = lines[at];
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);
}

function paragraph(lines, at) {
  let next = at + 1;
  while (next < lines.length && lines[next].trim() && !startsBlock(lines, next) && !isTable(lines, next)) next += 1;
  const text = lines.slice(at, next).map((line) => line.trim());
  return [h("p", {}, ...inline(text.join("\n"))), next];
}

function listed(lines, at) {
  const [, margin, mark] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(mark);
  const items = [];
  let loose = false;
  let next = at;
  while (next < lines.length) {
    const item = ITEM.exec(lines[next]);
    if (!item || item[1].length > margin.length + 1 || /\d/.test(item[2]) !== ordered || RULE.test(lines[next])) break;
    const [body, after] = itemBody(lines, next, item);
    items.push(body);
    next = after;
    let skipped = next;
    while (skipped < lines.length && !lines[skipped].trim()) skipped += 1;
    if (skipped > next && ITEM.test(lines[skipped] ?? "")) {
      loose = true;
      next = skipped;
    }
  }
  const attributes = ordered && parseInt(mark, 10) !== 1 ? { start: parseInt(mark, 10) } : {};
  return [h(ordered ? "ol" : "ul", attributes, ...items.map((body) => itemNode(body, loose))), next];
}

/** Return the lines of one item without its margin, and the line after it. */
function itemBody(lines, at, [, margin, mark, gap, first]) {
  const inside = margin.length + mark.length + Math.max(1, Math.min(gap.length, 4));
  const body = [first];
  let next = at + 1;
  for (; next < lines.length; next += 1) {
    const line = lines[next];
    const indent = line.length - line.trimStart().length;
    if (!line.trim()) {
      const more = lines.slice(next + 1).find((later) => later.trim());
      if (more === undefined || more.length - more.trimStart().length < Math.min(inside, margin.length + 2)) break;
      body.push("");
    } else if (indent > margin.length + 1 || indent >= inside) body.push(line.slice(Math.min(indent, inside)));
    else if (body.at(-1).trim() && !startsBlock(lines, next)) body.push(line.trim());
    else break;
  }
  return [body, next];
}

function itemNode(body, loose) {
  const task = TASK.exec(body[0]);
  if (task) body[0] = body[0].slice(task[0].length);
  let content = blocks(body);
  if (!loose) content = content.flatMap((node) => (node.matches("p:not(.heading)") ? [...node.childNodes] : [node]));
  if (!task) return h("li", {}, ...content);
  const done = task[1] !== " ";
  return h("li", { class: "task" }, h("span", { role: "img", "aria-label": done ? "done" : "to do" }, done ? "☑" : "☐"), " ", ...content);
}

function isTable(lines, at) {
  return lines[at].includes("|") && TABLE_RULE.test(lines[at + 1] ?? "");
}

function table(lines, at) {
  const sides = cells(lines[at + 1]).map((cell) => {
    const end = cell.endsWith(":");
    return end && cell.startsWith(":") ? "center" : end ? "right" : "left";
  });
  const row = (line, tag) => {
    const found = cells(line);
    return h("tr", {}, ...sides.map((side, column) => h(tag, { class: side }, ...inline(found[column] ?? ""))));
  };
  let next = at + 2;
  const body = [];
  for (; next < lines.length && lines[next].includes("|"); next += 1) body.push(row(lines[next], "td"));
  const whole = h("table", {}, h("thead", {}, row(lines[at], "th")), h("tbody", {}, ...body));
  return [h("div", { class: "table", tabindex: "0" }, whole), next];
}

/** Split a row at its bars; those that are escaped or in code stay. */
function cells(line) {
  const found = [""];
  let ticks = false;
  const inner = line.trim().replace(/^\|/, "");
  for (let at = 0; at < inner.length; at += 1) {
    const letter = inner[at];
    if (letter === "`") ticks = !ticks;
    if (letter === "\\" && inner[at + 1] === "|") {
      found[found.length - 1] += "|";
      at += 1;
    } else if (letter === "|" && !ticks) found.push("");
    else found[found.length - 1] += letter;
  }
  if (found.length > 1 && !found.at(-1).trim()) found.pop();
  return found.map((cell) => cell.trim());
}
