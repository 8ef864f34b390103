// A tour that plays by itself until somebody touches the page: what to see first, with real messages.

import { messagesOf, send, store } from "./store.js";

const READ_MS = 3500; // what a caption needs to be read, at least
const PATIENCE_MS = 25000;
const POLL_MS = 120;

class Stopped extends Error {}

/** Plays the steps one after the other; `page` brings places to the front. */
export class Tour {
  constructor(page, { bar, caption, button }) {
    this.page = page;
    this.bar = bar;
    this.caption = caption;
    this.playing = false;
    button.onclick = (event) => {
      event.stopPropagation();
      if (this.playing) this.stop();
      else this.play();
    };
    this.button = button;
    // Whoever touches the page has taken over; scripts' own events are not trusted.
    for (const kind of ["pointerdown", "keydown", "wheel"]) {
      window.addEventListener(kind, (event) => {
        if (event.isTrusted && !button.contains(event.target)) this.stop();
      }, { capture: true, passive: true });
    }
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    this.draw("");
  }

  async play() {
    if (this.playing) return;
    this.playing = true;
    try {
      const steps = this.steps();
      for (const [index, [words, act]] of steps.entries()) {
        this.draw(`${index + 1}/${steps.length}  ${words}`);
        const shownAt = performance.now();
        await act();
        await this.pause(Math.max(READ_MS - (performance.now() - shownAt), 1200));
      }
      this.draw("That is all. Now it is your turn: write to the bot, or open the console.");
      await this.pause(2 * READ_MS);
    } catch (error) {
      if (!(error instanceof Stopped)) console.info(`The tour ended: ${error.message}`);
    }
    this.playing = false;
    this.draw("");
  }

  draw(words) {
    this.caption.textContent = words;
    this.bar.hidden = !words;
    this.button.textContent = this.playing ? "Stop the tour" : "Play the tour";
  }

  async pause(ms) {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      if (!this.playing) throw new Stopped();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Return the first true value of `find`, or nothing after a while: the tour goes on all the same. */
  async until(find) {
    const until = performance.now() + PATIENCE_MS;
    while (performance.now() < until) {
      const found = find();
      if (found) return found;
      await this.pause(POLL_MS);
    }
    return null;
  }

  steps() {
    const { visitors, slack, telegram } = store.world;
    const staff = visitors.findIndex((visitor) => visitor.staff);
    const [first] = visitors;
    const general = slack.channels[0].id;
    const say = (body) => send("/say", { visitor: 0, ...body });
    const inDm = () => messagesOf("telegram", first.telegram, "");
    const inGroup = () => messagesOf("telegram", telegram.group.id, "");
    const atDesk = () => messagesOf("slack", slack.desk, visitors[staff].slack);
    const inThread = (id) => messagesOf("slack", general, "").filter((message) => message.thread === id);
    const done = (message) => message?.byBot && !message.buttons.some(({ label }) => label.includes("Stop")) && message.buttons.length;
    const group = (text) => say({ platform: "telegram", channel: telegram.group.id, text });
    const press = async (label) => {
      const card = await this.until(() => atDesk().findLast((message) => message.buttons.some((one) => one.label.includes(label))));
      const value = card?.buttons.find((one) => one.label.includes(label)).value;
      if (value) await send("/press", { visitor: staff, platform: "slack", channel: slack.desk, message: card.id, value });
    };
    const deskRoot = () => atDesk().findLast((message) => !message.thread);
    return [
      ["Mention the bot in Slack: it answers in a thread, in one message that grows.", async () => {
        this.page.go("slack");
        this.page.chooseChannel(general);
        const { id } = await say({ platform: "slack", channel: general, text: "@Moonthread Show me a table" });
        this.page.openThread(id);
        await this.until(() => inThread(id).some(done));
      }],
      ["A tool that changes something asks first: the stock is looked up freely, the reservation waits for a press.", async () => {
        const { id } = await say({ platform: "slack", channel: general, text: "@Moonthread Reserve two tins of jasmine tea" });
        this.page.openThread(id);
        const approval = () => inThread(id).flatMap((message) => message.buttons.map((one) => ({ message, ...one })))
          .find(({ label }) => label === "Approve");
        const found = await this.until(approval);
        await this.pause(READ_MS);
        if (found) await send("/press", { visitor: 0, platform: "slack", channel: general, message: found.message.id, value: found.value });
        await this.until(() => inThread(id).some((message) => message.byBot && message.text.includes("are reserved")));
      }],
      ["In Telegram just write to it. Each tick below an answer is one edit within Telegram's limits.", async () => {
        this.page.go("dm");
        const before = inDm().length;
        await say({ platform: "telegram", channel: first.telegram, text: "Write some code" });
        await this.until(() => inDm().slice(before).some(done));
      }],
      ["A customer asks in the shop's Telegram group: the answer comes from the shop's documents.", async () => {
        this.page.chooseChannel(slack.desk);
        this.page.go("group");
        const before = inGroup().length;
        await group(`@${telegram.username} How do I reset my password?`);
        await this.until(() => inGroup().slice(before).some(done));
      }],
      ["She asks for a person: the team gets a card at # support-desk in Slack.", async () => {
        const before = atDesk().length;
        await group(`@${telegram.username} I want to talk to a person`);
        await this.until(() => atDesk().length > before);
        this.page.go("slack");
        this.page.openThread(deskRoot()?.id ?? "");
      }],
      ["Lin takes it and writes in the thread; the customer reads it in Telegram.", async () => {
        await press("Take");
        const before = inGroup().length;
        await say({ visitor: staff, platform: "slack", channel: slack.desk, thread: deskRoot()?.id ?? "", text: "Hello Alice, Lin here. I have sent you a new link." });
        await this.until(() => inGroup().length > before);
        this.page.go("group");
      }],
      ["Lin closes it, and the customer is asked for stars.", async () => {
        await press("Close");
        await this.until(() => inGroup().findLast((message) => message.byBot)?.buttons.length);
      }],
      ["Two long answers grow, and kill -9 ends the service in the middle. It starts again: both messages go on.", async () => {
        this.page.chooseChannel(general);
        this.page.go("dm");
        const before = inDm().length;
        const { id } = await say({ platform: "slack", channel: general, text: "@Moonthread A long answer about the moon" });
        this.page.openThread(id);
        await say({ platform: "telegram", channel: first.telegram, text: "A long answer about the moon" });
        const answers = [() => inThread(id), () => inDm().slice(before)];
        const inBoth = (find) => this.until(() => answers.every((messages) => messages().some(find)));
        await inBoth((message) => message.byBot && message.edits > 2);
        await send("/kill", {});
        await inBoth(done);
      }],
    ];
  }
}
