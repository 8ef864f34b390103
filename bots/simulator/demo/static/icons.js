// Pictures for the few signs on buttons: as on the real platforms, not every machine's font has them.

import { h, svg } from "./drawing/dom.js";

const THUMB =
  "M7 10.5 10.6 3.2c.2-.5.7-.7 1.2-.6 1 .3 1.6 1.3 1.4 2.3L12.7 8h4.7c1.2 0 2.1 1.1 1.8 2.3l-1.4 6.3c-.2.9-1 1.5-1.9 1.5H7zM2.5 10.5H5v7.6H2.5z";
const DRAWN = {
  "👍": { name: "Good answer", path: THUMB },
  "👎": { name: "Bad answer", path: THUMB, turn: "rotate(180 10.5 10.5)" },
  "🎤": { name: "", path: "M10.5 2a2.6 2.6 0 0 0-2.6 2.6v5.2a2.6 2.6 0 0 0 5.2 0V4.6A2.6 2.6 0 0 0 10.5 2zM5 9.5h1.7a3.8 3.8 0 0 0 7.6 0H16a5.5 5.5 0 0 1-4.6 5.4v2.3h2.1v1.6h-6v-1.6h2.1v-2.3A5.5 5.5 0 0 1 5 9.5z" },
  "⏹": { name: "", path: "M5 5h11v11H5z" },
};

/** Return the children of a button with this label; signs that we can draw become pictures. */
export function labelled(label) {
  const sign = Object.keys(DRAWN).find((known) => label.startsWith(known));
  if (!sign) return [label];
  const { name, path, turn } = DRAWN[sign];
  const rest = label.slice(sign.length).replace(/^\ufe0f/, "").trim();
  const picture = svg("svg", { class: "icon", viewBox: "0 0 21 21", width: 15, height: 15, "aria-hidden": "true" },
    svg("path", turn ? { d: path, transform: turn } : { d: path }));
  return [picture, rest ? ` ${rest}` : h("span", { class: "unseen" }, name)];
}
