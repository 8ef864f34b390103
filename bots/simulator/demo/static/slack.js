// The Slack-like side: channels, messages, and a pane for one thread.

import { Composer } from "./composer.js";
import { avatar, codeBlock, h, link, timeOf } from "./drawing/dom.js";
import { hints, talkHints } from "./hints.js";
import { buttons, frames, Log } from "./log.js";
import { markdown } from "./drawing/markdown.js";
import { changed, messagesOf, send, statusOf, store } from "./store.js";

const TYPED = /(<@\w+>|```[\s\S]*?```|`[^`\n]+`|https?:\/\/[^\s<>]+)/;

const MARKS = { pending: "○", in_progress: "◐", complete: "✓", error: "✗" };

/** Draw the cards of a stream's steps, such as calls of tools. */
function cards({ tasks }) {
  if (!tasks.length) return null;
  return h("ul", { class: "tasks", "aria-label": "Steps" },
    ...tasks.map(({ title, status }) => h("li", { class: status }, `${MARKS[status]} ${title}`)));
}

export class SlackPane {
  constructor(root, ui) {
    this.ui = ui;
    this.channel = "";
    this.thread = "";
    this.seenAtDesk = 0;
    this.sidebar = h("nav", { class: "sidebar", "aria-label": "Channels" });
    this.title = h("h2", {});
    this.main = new Log("Messages in the channel", (message) => this.drawn(message, true));
    this.replies = new Log("Messages in the thread", (message) => this.drawn(message, false));
    this.status = h("p", { class: "status" });
    this.composer = this.makeComposer("Message to the channel", () => "");
    this.replyComposer = this.makeComposer("Reply in the thread", () => this.thread);
    this.threadPane = h(
      "section",
      { class: "thread", "aria-label": "Thread", hidden: true },
      h("header", { class: "bar" }, h("h2", {}, "Thread"),
        h("button", { type: "button", class: "close", "aria-label": "Close the thread", onclick: () => this.open("") }, "✕")),
      this.replies.element, this.status, this.replyComposer.element,
    );
    const channelPane = h("section", { class: "channel", "aria-label": "Channel" },
      h("header", { class: "bar" }, this.title), this.main.element, this.composer.element);
    root.replaceChildren(this.sidebar, channelPane, this.threadPane);
    this.root = root;
  }

  makeComposer(label, threadOf) {
    return new Composer({
      label,
      placeholder: label,
      prefix: "@Moonthread ",
      onSend: async (text) => {
        const thread = threadOf();
        const body = { visitor: this.ui.visitor, platform: "slack", channel: this.channel, thread, text };
        const { id } = await send("/say", body);
        if (!thread && id && !text.startsWith("/")) this.open(id);
        (thread ? this.replies : this.main).toEnd();
      },
      onSpeak: async () => {
        const thread = threadOf();
        const body = { visitor: this.ui.visitor, platform: "slack", channel: this.channel, thread };
        const { id } = await send("/speak", body);
        if (!thread && id) this.open(id);
      },
    });
  }

  open(thread) {
    this.thread = thread;
    this.lastThread = "";
    changed();
  }

  choose(channel) {
    this.channel = channel;
    this.thread = "";
    changed();
  }

  draw() {
    const { slack } = store.world;
    if (!slack.channels.some(({ id }) => id === this.channel)) this.channel = slack.channels[0].id;
    const viewer = store.world.visitors[this.ui.visitor].slack;
    const shown = messagesOf("slack", this.channel, viewer);
    const roots = shown.filter((message) => !message.thread);
    const atDesk = messagesOf("slack", slack.desk, viewer).length;
    if (this.channel === slack.desk) this.seenAtDesk = atDesk;
    this.drawSidebar(slack, atDesk > this.seenAtDesk);
    this.counts = new Map();
    for (const { thread } of shown) if (thread) this.counts.set(thread, (this.counts.get(thread) ?? 0) + 1);
    this.main.show(roots, (root) => {
      const open = root.id === this.thread ? "open" : "";
      return `replies-${this.counts.get(root.id) ?? 0} ${open} ${this.working(root.id) ? "working" : ""}`;
    });
    this.drawEmpty();
    const desk = this.channel === slack.desk;
    this.composer.begin(desk ? "" : "@Moonthread ");
    const talk = slack.channels.find(({ id }) => id === this.channel)?.name === "random";
    this.composer.offer(desk ? [] : talk ? talkHints(this.ui.visitor) : hints(this.ui.visitor, false));
    this.drawThread(shown);
  }

  drawSidebar(slack, news) {
    const wanted = `${this.channel} ${news}`;
    if (this.sidebar.dataset.drawn === wanted) return;
    this.sidebar.dataset.drawn = wanted;
    const rooms = slack.channels.map(({ id, name }) =>
      h("button", { type: "button", class: "room", "aria-current": id === this.channel ? "page" : null, onclick: () => this.choose(id) }, `# ${name}`,
        h("span", { class: "dot", hidden: !(news && id === slack.desk), role: "img", "aria-label": "new messages" })));
    this.sidebar.replaceChildren(h("p", { class: "workspace" }, "Luna Labs"), ...rooms,
      h("p", { class: "people" }, "People"), ...store.world.visitors.map(({ name }) => h("p", { class: "member" }, name)),
      h("p", { class: "member app" }, slack.botName));
    this.title.textContent = `# ${slack.channels.find(({ id }) => id === this.channel).name}`;
  }

  drawEmpty() {
    const desk = this.channel === store.world.slack.desk;
    if (this.main.empty.dataset.drawn === String(desk)) return;
    this.main.empty.dataset.drawn = desk;
    const staff = store.world.visitors.find((visitor) => visitor.staff);
    const words = desk
      ? ["The shop's support desk.", `Ask in the Telegram group, then for a person (“human”, “转人工”): the card appears here. Be ${staff.name} to take it, and write in its thread.`]
      : ["Mention the bot and watch its answer grow in a thread.", "Every edit that you see is a call that the real Slack would get, within its limits."];
    this.main.empty.replaceChildren(h("p", { class: "big" }, words[0]), h("p", {}, words[1]));
  }

  drawThread(shown) {
    const root = shown.find((message) => message.id === this.thread);
    // A message that was just sent may reach us after the reply to sending it.
    this.threadPane.hidden = !root;
    this.root.classList.toggle("in-thread", Boolean(root));
    if (!root) return;
    const replies = shown.filter((message) => message.thread === root.id);
    this.replies.show([root, ...replies], (message) => (message === root ? "root" : ""));
    if (this.lastThread !== root.id) {
      this.replies.toEnd();
      this.replyComposer.focus();
    }
    this.lastThread = root.id;
    this.status.textContent = this.working(root.id);
    const desk = this.channel === store.world.slack.desk;
    this.replyComposer.begin(desk ? "" : "@Moonthread ");
    this.replyComposer.offer(desk ? ["// only the team sees this"] : hints(this.ui.visitor, true).slice(0, 4));
  }

  working(thread) {
    const status = statusOf("slack", this.channel, thread);
    return status ? `${store.world.slack.botName} ${status}` : "";
  }

  drawn(message, inChannel) {
    const body = message.byBot ? markdown(message.text) : this.typed(message.text);
    return [
      avatar(message.author, message.byBot),
      h("div", { class: "content" },
        message.visibleTo ? h("p", { class: "only" }, "Only visible to you") : null,
        h("p", { class: "by" }, h("strong", {}, message.author), message.byBot ? h("span", { class: "badge" }, "APP") : null, timeOf(message.saidAt)),
        cards(message), h("div", { class: "body text" }, ...body),
        buttons(message, this.ui, this.composer), frames(message), inChannel ? this.opener(message) : null),
    ];
  }

  typed(text) {
    const { visitors, slack } = store.world;
    const names = new Map([...visitors.map(({ slack: id, name }) => [id, name]), [slack.bot, slack.botName]]);
    const parts = text.split(TYPED).map((part) => {
      if (part.startsWith("<@")) return h("span", { class: "mention" }, `@${names.get(part.slice(2, -1)) ?? part}`);
      if (part.startsWith("```")) return codeBlock(part.slice(3, -3).trim(), "");
      if (part.length > 2 && part.startsWith("`")) return h("code", {}, part.slice(1, -1));
      return /^https?:/.test(part) ? link(part, part) : part;
    });
    return [h("div", { class: "plain" }, ...parts)];
  }

  opener({ id, thread }) {
    if (thread) return null;
    const count = this.counts.get(id) ?? 0;
    const words = count === 0 ? "Reply in thread" : count === 1 ? "1 reply" : `${count} replies`;
    const status = this.working(id);
    return h("button", { type: "button", class: count || status ? "replies" : "replies quiet", onclick: () => this.open(id) },
      words, status ? h("span", { class: "status" }, ` ${status}`) : null);
  }
}
