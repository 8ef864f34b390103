// A growing list of messages: draws only what changed, and stays at the end where the reader is there.

import { h, svg } from "./drawing/dom.js";
import { labelled } from "./icons.js";
import { send } from "./store.js";

/** A scrolling list. `draw(message)` returns the children of one message's element. */
export class Log {
  constructor(label, draw) {
    this.draw = draw;
    this.drawn = new Map(); // id -> { element, message, extra }
    this.empty = h("div", { class: "empty" });
    this.list = h("div", { class: "messages" });
    this.element = h("div", { class: "log", role: "log", "aria-label": label, "aria-live": "off", tabindex: "0" }, this.empty, this.list);
    this.atEnd = true;
    this.element.addEventListener("scroll", () => (this.atEnd = this.isAtEnd()), { passive: true });
    new ResizeObserver(() => this.atEnd && this.toEnd()).observe(this.element);
  }

  /** Show `messages`; `extraOf` gives what else a message's looks depend on, as text. */
  show(messages, extraOf = () => "") {
    const { list } = this;
    const wanted = new Set(messages.map((message) => message.id));
    for (const [id, { element: old }] of this.drawn) {
      if (wanted.has(id)) continue;
      old.remove();
      this.drawn.delete(id);
    }
    messages.forEach((message, index) => {
      const row = this.row(message, extraOf(message, index));
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    this.empty.hidden = messages.length > 0;
    if (this.atEnd) this.toEnd();
  }

  row(message, extra) {
    const known = this.drawn.get(message.id);
    if (known && known.message === message && known.extra === extra) return known.element;
    const element = known?.element ?? h("article", { "data-id": message.id });
    element.className = `message ${message.byBot ? "by-bot" : "by-person"} ${extra}`;
    element.dataset.edits = message.edits;
    element.replaceChildren(...this.draw(message, extra));
    this.drawn.set(message.id, { element, message, extra });
    return element;
  }

  isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < 60;
  }

  toEnd() {
    this.atEnd = true;
    this.element.scrollTop = this.element.scrollHeight;
  }
}

const WIDTH = 84;
const LEAST_S = 2;

/** Make the small print under a growing message: how often it was edited, and a tick for each time. */
export function frames(message) {
  if (!message.byBot || message.edits === 0) return null;
  const lasted = message.frames.at(-1);
  const scale = (WIDTH - 2) / Math.max(lasted, LEAST_S);
  const ticks = message.frames.map((at) => svg("rect", { x: (at * scale).toFixed(1), y: 1, width: 1.2, height: 8, rx: 0.5 }));
  const strip = svg("svg", { class: "ticks", width: WIDTH, height: 10, viewBox: `0 0 ${WIDTH} 10`, "aria-hidden": "true" }, ...ticks);
  const words = message.edits === 1 ? "1 edit" : `${message.edits} edits`;
  return h("span", { class: "frames", title: "Each tick is one edit of this message, from its first word on" }, strip, `${words} · ${lasted.toFixed(1)} s`);
}

/** Make the buttons under a message; a refusal is told where the visitor types. */
export function buttons({ buttons: offered, platform, channel, id }, ui, composer) {
  if (!offered.length) return null;
  const press = async (value) => {
    try {
      await send("/press", { visitor: ui.visitor, platform, channel, message: id, value });
    } catch (error) {
      composer.note.textContent = error.message;
    }
  };
  return h("div", { class: "buttons" }, ...offered.map(({ label, value }) =>
    h("button", { type: "button", onclick: () => press(value) }, ...labelled(label))));
}
