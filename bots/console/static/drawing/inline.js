// Inline Markdown to nodes: code, links, emphasis, strikethrough, addresses, entities, breaks.

import { h, link } from "./dom.js";

const ESCAPED = /^\\([!-/:-@[-`{-~])/;
const ENTITY = /^&(#\d{1,7}|#[xX][\da-fA-F]{1,6}|amp|lt|gt|quot|apos|nbsp|copy|hellip|mdash|ndash);/;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", copy: "©", hellip: "…" };
const AUTOLINK = /^<((?:https?:\/\/|mailto:)[^\s<>]+)>/;
const BARE = /^https?:\/\/[^\s<>"'`|\\，。；：！？、（）【】《》「」『』]+/;
const SPACE = /[\s\u200b]|^$/;
const PUNCTUATION = /[\p{P}\p{S}]/u;

/** Return the nodes of one run of inline Markdown. */
export function inline(text) {
  return nodesOf(paired(tokens(text)));
}

function tokens(text) {
  const found = [];
  let plain = "";
  const flush = () => {
    if (plain) found.push(plain);
    plain = "";
  };
  let at = 0;
  while (at < text.length) {
    const special = specialAt(text, at);
    if (special === null) {
      plain += text[at];
      at += 1;
      continue;
    }
    if (typeof special.token === "string") plain += special.token;
    else {
      flush();
      found.push(special.token);
    }
    at += special.length;
  }
  flush();
  return found;
}

/** Return what begins at `at` and how long it is; null where it is a plain character. */
function specialAt(text, at) {
  const rest = text.slice(at, at + 2100);
  switch (text[at]) {
    case "\\":
      return rest[1] === "\n" ? { token: h("br"), length: 2 } : escaped(rest);
    case "\n":
      return { token: h("br"), length: 1 };
    case "`":
      return codeSpan(text, at);
    case "&":
      return entity(rest);
    case "<":
      return autolink(rest);
    case "!":
      return text[at + 1] === "[" ? linkAt(text, at + 1, 1) : null;
    case "[":
      return linkAt(text, at, 0);
    case "h":
      return bareAddress(text, at, rest);
    case "*":
    case "_":
    case "~":
      return delimiter(text, at);
    default:
      return null;
  }
}

function escaped(rest) {
  const match = ESCAPED.exec(rest);
  return match ? { token: match[1], length: 2 } : null;
}

function entity(rest) {
  const match = ENTITY.exec(rest);
  if (!match) return null;
  const name = match[1];
  if (name[0] !== "#") return { token: NAMED[name] ?? match[0], length: match[0].length };
  const hex = name[1] === "x" || name[1] === "X";
  const code = hex ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  const valid = code > 0 && code <= 0x10ffff;
  return { token: valid ? String.fromCodePoint(code) : "\ufffd", length: match[0].length };
}

function autolink(rest) {
  const match = AUTOLINK.exec(rest);
  return match ? { token: link(match[1], match[1].replace(/^mailto:/, "")), length: match[0].length } : null;
}

function bareAddress(text, at, rest) {
  if (at > 0 && /[\w/]/.test(text[at - 1])) return null;
  const match = BARE.exec(rest);
  if (!match) return null;
  const address = match[0].replace(/[.,;:!?*_~)\]}]+$/, "");
  return { token: link(address, address), length: address.length };
}

function codeSpan(text, at) {
  const ticks = /^`+/.exec(text.slice(at))[0];
  let end = at + ticks.length;
  for (;;) {
    end = text.indexOf(ticks, end);
    if (end < 0) return { token: ticks, length: ticks.length };
    const run = /^`+/.exec(text.slice(end))[0].length;
    if (run === ticks.length) break;
    end += run;
  }
  let words = text.slice(at + ticks.length, end).replace(/\n/g, " ");
  if (/^ .*[^ ].* $/.test(words) || /^ `.*` $/.test(words)) words = words.slice(1, -1);
  return { token: h("code", {}, words), length: end + ticks.length - at };
}

/** Read "[words](address)" at `at`; a picture is shown as a link to it. */
function linkAt(text, at, extra) {
  let depth = 0;
  let end = at;
  for (; end < text.length; end += 1) {
    if (text[end] === "\\") end += 1;
    else if (text[end] === "[") depth += 1;
    else if (text[end] === "]" && (depth -= 1) === 0) break;
  }
  const target = /^\(\s*(?:<([^<>\n]*)>|((?:[^\s()]|\([^\s()]*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/.exec(
    text.slice(end + 1, end + 2100),
  );
  if (depth !== 0 || !target) return null;
  const words = text.slice(at + 1, end);
  const address = target[1] ?? target[2];
  return { token: link(address, ...inline(words || address)), length: end + 1 + target[0].length - at + extra };
}

/** Read a run of "*", "_" or "~" and tell whether it may open or close (CommonMark's flanking). */
function delimiter(text, at) {
  const sign = text[at];
  let end = at;
  while (text[end] === sign) end += 1;
  const before = text[at - 1] ?? "";
  const after = text[end] ?? "";
  const left = !SPACE.test(after) && (!PUNCTUATION.test(after) || SPACE.test(before) || PUNCTUATION.test(before));
  const right = !SPACE.test(before) && (!PUNCTUATION.test(before) || SPACE.test(after) || PUNCTUATION.test(after));
  const inWord = sign === "_";
  const token = {
    sign,
    count: end - at,
    opens: left && (!inWord || !right || PUNCTUATION.test(before)),
    closes: right && (!inWord || !left || PUNCTUATION.test(after)),
  };
  return { token, length: end - at };
}

const isRun = (token) => typeof token === "object" && !(token instanceof Node);

/** Turn matching runs into elements, innermost first. */
function paired(found) {
  let closer = 0;
  while (closer < found.length) {
    const end = found[closer];
    const opener = isRun(end) && end.closes ? openerOf(found, closer) : -1;
    if (opener < 0) {
      closer += 1;
      continue;
    }
    const start = found[opener];
    const width = start.sign === "~" ? end.count : Math.min(2, start.count, end.count);
    const tag = start.sign === "~" ? "s" : width === 2 ? "strong" : "em";
    const inner = h(tag, {}, ...nodesOf(found.slice(opener + 1, closer)));
    start.count -= width;
    end.count -= width;
    const parts = [start.count ? start : null, inner, end.count ? end : null].filter(Boolean);
    found.splice(opener, closer - opener + 1, ...parts);
    closer = opener + (start.count ? 1 : 0) + 1;
  }
  return found;
}

function openerOf(found, closer) {
  const end = found[closer];
  for (let index = closer - 1; index >= 0; index -= 1) {
    const start = found[index];
    if (!isRun(start) || !start.opens || start.sign !== end.sign) continue;
    if (end.sign === "~" && (start.count !== end.count || start.count > 2)) continue;
    const both = start.closes || end.opens;
    const thirds = both && (start.count + end.count) % 3 === 0 && (start.count % 3 || end.count % 3);
    if (!thirds) return index;
  }
  return -1;
}

function nodesOf(found) {
  return found.map((token) => (isRun(token) ? token.sign.repeat(token.count) : token));
}
