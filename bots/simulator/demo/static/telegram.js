// The Telegram-like side: a chat with the bot for each visitor, and one group.

import { Composer } from "./composer.js";
import { avatar, h, timeOf } from "./drawing/dom.js";
import { formatted } from "./entities.js";
import { asksBack, hints, shopHints } from "./hints.js";
import { buttons, frames, Log } from "./log.js";
import { changed, messagesOf, send, statusOf, store } from "./store.js";

/** One chat; `kind` is "dm" or "group". */
export class TelegramChat {
  constructor(kind, ui) {
    this.kind = kind;
    this.ui = ui;
    this.replyTo = "";
    this.title = h("h2", {});
    this.subtitle = h("p", { class: "subtitle" });
    this.picture = h("span", { class: kind === "dm" ? "avatar bot" : "avatar group", "aria-hidden": "true" }, kind === "dm" ? "" : "茶");
    this.log = new Log(kind === "dm" ? "Your chat with the bot" : "Messages in the group", (message) => this.drawn(message));
    this.replyBar = h("div", { class: "reply-bar", hidden: true });
    this.composer = new Composer({
      label: kind === "dm" ? "Message to Moonthread" : "Message to the group",
      placeholder: "Message",
      asChip: (text) => this.asChip(text),
      onSend: (text) => this.say(text),
      onSpeak: kind === "dm" ? () => this.speak() : undefined,
    });
    this.element = h("section", { class: `chat ${kind}`, "aria-label": kind === "dm" ? "Telegram DM" : "Telegram group" },
      h("header", { class: "bar" }, this.picture, h("div", {}, this.title, this.subtitle)),
      this.log.element, this.replyBar, this.composer.element);
  }

  get visitor() {
    return store.world.visitors[this.ui.visitor];
  }

  get channel() {
    return this.kind === "dm" ? this.visitor.telegram : store.world.telegram.group.id;
  }

  async say(text) {
    const body = { visitor: this.ui.visitor, platform: "telegram", channel: this.channel, reply_to: this.replyTo, text };
    await send("/say", body);
    this.answer("");
    this.log.toEnd();
  }

  async speak() {
    await send("/speak", { visitor: this.ui.visitor, platform: "telegram", channel: this.channel });
    this.log.toEnd();
  }

  /** Say it as one does here: in a group a command names the bot, and a reply goes on with its answer. */
  asChip(text) {
    if (this.kind === "dm") return text;
    if (text.startsWith("/")) return `${text}@${store.world.telegram.username}`;
    const last = asksBack(text) && [...this.byId.values()].findLast((message) => message.byBot);
    if (!last) return this.composer.prefix + text;
    this.replyTo = last.id;
    return text;
  }

  /** Reply to a message from now on; "" to none. */
  answer(id) {
    this.replyTo = id;
    changed();
    if (id) this.composer.focus();
  }

  draw() {
    const { telegram } = store.world;
    const shown = messagesOf("telegram", this.channel, "");
    const status = statusOf("telegram", this.channel);
    this.title.textContent = this.kind === "dm" ? telegram.botName : telegram.group.title;
    const idle = this.kind === "dm" ? "bot" : `${telegram.group.members} members`;
    this.subtitle.textContent = status ? (this.kind === "dm" ? "typing…" : `${telegram.botName} is typing…`) : idle;
    this.subtitle.classList.toggle("typing", Boolean(status));
    if (this.drawnChannel !== this.channel) this.log.toEnd();
    this.drawnChannel = this.channel;
    this.byId = new Map(shown.map((message) => [message.id, message]));
    this.log.show(shown, ({ authorId }) => (authorId === this.visitor.telegram ? "own" : ""));
    this.drawEmpty();
    this.drawReplyBar();
    const answered = this.byId.get(this.replyTo);
    this.composer.begin(this.kind === "group" && !answered?.byBot ? `@${telegram.username} ` : "");
    const begun = shown.length > 0;
    this.composer.offer(this.kind === "group" ? shopHints(this.ui.visitor, begun) : hints(this.ui.visitor, begun));
  }

  drawEmpty() {
    if (this.log.empty.childElementCount) return;
    const words = this.kind === "dm"
      ? ["Just write to the bot.", "It may edit its message once a second here."]
      : ["A tea shop's group: ask, and the bot answers from what the shop knows.", "Ask for a person with “human” or “转人工”: the team's desk is # support-desk in Slack. A bot may make 20 calls a minute in a group, so answers grow in larger steps here."];
    this.log.empty.replaceChildren(h("p", { class: "big" }, words[0]), h("p", {}, words[1]));
  }

  drawReplyBar() {
    const message = this.byId.get(this.replyTo);
    if (!message) this.replyTo = "";
    this.replyBar.hidden = !message;
    if (!message || this.replyBar.dataset.to === message.id) return;
    this.replyBar.dataset.to = message.id;
    this.replyBar.replaceChildren(this.quote(message),
      h("button", { type: "button", class: "close", "aria-label": "Do not reply", onclick: () => this.answer("") }, "✕"));
  }

  quote(message) {
    return h("span", { class: "quoted" }, h("strong", {}, message.author), h("span", {}, message.text.slice(0, 120)));
  }

  drawn(message) {
    const own = message.authorId === this.visitor.telegram;
    const answered = this.byId.get(message.replyTo);
    return [
      this.kind === "group" && !own ? avatar(message.author, message.byBot) : null,
      h("div", { class: "bubble" },
        this.kind === "group" && !own ? h("p", { class: "by" }, message.author) : null,
        answered ? this.quote(answered) : null,
        h("div", { class: "body text" }, ...formatted(message.text, message.entities)),
        h("p", { class: "small" }, frames(message), message.edits && !message.byBot ? "edited " : null, timeOf(message.saidAt)),
        h("button", { type: "button", class: "reply", "aria-label": `Reply to ${message.author}`, title: "Reply", onclick: () => this.answer(message.id) }, "↩")),
      buttons(message, this.ui, this.composer),
    ].filter(Boolean);
  }

}
