// Elements out of plain data. Text always becomes a text node: nothing here parses HTML.

/** Make an element. Attributes that are null or false are left out; functions become listeners. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make an SVG element. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

const SCHEMES = new Set(["http:", "https:", "mailto:", "tel:"]);

/** Make a link to a web, mail or telephone address; for any other address just its words. */
export function link(address, ...children) {
  let scheme = "";
  try {
    scheme = new URL(address).protocol;
  } catch {
    return h("span", {}, ...children);
  }
  if (!SCHEMES.has(scheme)) return h("span", {}, ...children);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer", title: address }, ...children);
}

/** Make a block of code, with the name of its language where there is one. */
export function codeBlock(text, language) {
  return h(
    "figure",
    { class: "code" },
    language ? h("figcaption", {}, language) : null,
    h("pre", { tabindex: "0" }, h("code", {}, text)),
  );
}

/** Make the small picture of an author: the moon for the bot, a letter for people. */
export function avatar(name, byBot) {
  if (byBot) return h("span", { class: "avatar bot", "aria-hidden": "true" });
  const shade = [...name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 4;
  return h("span", { class: `avatar shade${shade}`, "aria-hidden": "true" }, [...name][0] ?? "?");
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** Make the time of day. */
export function timeOf(ms) {
  const date = new Date(ms);
  return h("time", { datetime: date.toISOString() }, CLOCK.format(date));
}
