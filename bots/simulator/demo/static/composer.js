// Where a visitor types: Enter sends, Shift+Enter begins a new line, chips send at a touch.

import { h } from "./drawing/dom.js";
import { labelled } from "./icons.js";

let made = 0;

/** A text field with chips above it. `onSend(text)` and `onSpeak()` may throw an Error whose words are shown. */
export class Composer {
  constructor({ label, placeholder, prefix = "", asChip, onSend, onSpeak }) {
    made += 1;
    const id = `composer${made}`;
    this.prefix = prefix;
    this.onSend = onSend;
    this.speak = onSpeak && h("button", {
      type: "button", class: "voice", "aria-label": `Send a voice message: ${label}`, title: "Send a voice message",
      onclick: () => this.attempt(onSpeak),
    }, labelled("🎤"));
    this.asChip = asChip ?? ((text) => this.prefix + text);
    this.chips = h("div", { class: "chips", role: "group", "aria-label": "Things to try" });
    this.input = h("textarea", {
      id, rows: 1, placeholder, autocomplete: "off", spellcheck: "false",
      oninput: () => this.grow(), onkeydown: (event) => this.key(event),
    });
    this.note = h("p", { class: "note", role: "alert" });
    this.element = h(
      "form",
      { class: "composer", onsubmit: (event) => this.submit(event) },
      this.chips,
      h("div", { class: "field" }, h("label", { class: "unseen", for: id }, label), this.input, this.speak ?? null,
        h("button", { type: "submit", class: "send", "aria-label": `Send: ${label}`, title: "Send (Enter)" }, "➤")),
      this.note,
    );
    this.reset();
  }

  /** Show chips: plain texts to send, short ones in the looks of a command. */
  offer(texts) {
    const wanted = texts.join("\n");
    if (this.offered === wanted) return;
    this.offered = wanted;
    this.chips.replaceChildren(
      ...texts.map((text) =>
        h("button", { type: "button", class: text.startsWith("/") ? "chip command" : "chip", onclick: () => this.deliver(this.asChip(text)) }, text)),
    );
  }

  /** Change what a message begins with, where nothing else was typed yet. */
  begin(prefix) {
    if (prefix === this.prefix) return;
    const untouched = this.input.value === this.prefix;
    this.prefix = prefix;
    if (untouched) this.reset();
  }

  reset() {
    this.input.value = this.prefix;
    this.grow();
  }

  grow() {
    this.input.style.height = "auto";
    if (!this.input.scrollHeight) return; // not on the page, or in a chat that is not in front
    this.input.style.height = `${Math.min(this.input.scrollHeight, 140)}px`;
  }

  focus() {
    this.input.focus({ preventScroll: true });
    this.input.setSelectionRange(this.input.value.length, this.input.value.length);
  }

  key(event) {
    // While an input method composes, Enter chooses characters.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    this.submit(event);
  }

  async submit(event) {
    event.preventDefault();
    const text = this.input.value;
    if (!text.trim()) return;
    this.reset();
    if (!(await this.deliver(text))) {
      this.input.value = text;
      this.grow();
    }
  }

  deliver(text) {
    return this.attempt(() => this.onSend(text));
  }

  async attempt(act) {
    this.note.textContent = "";
    try {
      await act();
      return true;
    } catch (error) {
      this.note.textContent = error.message;
      return false;
    }
  }
}
