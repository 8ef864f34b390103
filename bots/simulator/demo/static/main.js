// Puts the page together: who the visitor is, which chat is in front, and the stream of changes.

import { h } from "./drawing/dom.js";
import { SlackPane } from "./slack.js";
import { changed, connect, onChange, send, store } from "./store.js";
import { TelegramChat } from "./telegram.js";
import { Tour } from "./tour.js";

const PLACES = { slack: "Slack", dm: "Telegram DM", group: "Telegram group" };
const QUIET_MS = 2500;
const TOUR_AFTER_MS = 2000;

const ui = { visitor: 0 };
const byId = (id) => document.getElementById(id);
const slack = new SlackPane(byId("slack"), ui);
const chats = { dm: new TelegramChat("dm", ui), group: new TelegramChat("group", ui) };
const tabs = h("nav", { class: "tabs", "aria-label": "Telegram chats" });
byId("telegram").replaceChildren(tabs, chats.dm.element, chats.group.element);
const seen = {};

/** Bring a chat to the front: the only one on a narrow page, a tab on a wide one. */
function go(place) {
  document.body.dataset.place = place;
  if (place !== "slack") byId("telegram").dataset.tab = place;
  if (place in chats) chats[place].log.toEnd();
  changed();
}

/** The three ways to begin, each with its place in front and the field ready. */
const STARTS = [
  ["Ask in Slack", () => {
    slack.choose(store.world.slack.channels[0].id);
    go("slack");
    slack.composer.focus();
  }],
  ["Ask in Telegram", () => {
    go("dm");
    chats.dm.composer.focus();
  }],
  ["Be a customer", () => {
    slack.choose(store.world.slack.desk); // beside the group, where there is room
    go("group");
    chats.group.composer.focus();
  }],
];

function button(place) {
  return h("button", { type: "button", "data-to": place, onclick: () => go(place) }, PLACES[place], h("span", { class: "dot", hidden: true, role: "img", "aria-label": "new messages" }));
}

function drawPlaces() {
  const counts = { slack: 0, dm: 0, group: 0 };
  for (const message of store.messages.values()) {
    if (message.platform === "slack") counts.slack += 1;
    else if (message.channel === chats.dm.channel) counts.dm += 1;
    else if (message.channel === chats.group.channel) counts.group += 1;
  }
  const wide = getComputedStyle(byId("places")).display === "none";
  const tab = byId("telegram").dataset.tab;
  const place = document.body.dataset.place;
  for (const name of Object.keys(PLACES)) {
    const inFront = wide ? name === "slack" || name === tab : name === place;
    if (inFront) seen[name] = counts[name];
  }
  for (const element of document.querySelectorAll("[data-to]")) {
    const name = element.dataset.to;
    const current = element.parentElement === tabs ? name === tab : name === place;
    if (current) element.setAttribute("aria-current", "page");
    else element.removeAttribute("aria-current");
    element.lastElementChild.hidden = counts[name] <= (seen[name] ?? 0);
  }
}

function drawBanner() {
  const { real, model } = store.world.kimi;
  const banner = byId("banner");
  banner.classList.toggle("real", real);
  const words = real
    ? [h("strong", {}, "The real Kimi"), ` answers: ${model}`]
    : [h("strong", {}, "A scripted stand-in"), " answers, not Kimi.", h("span", { class: "more" }, " Set ", h("code", {}, "KIMI_API_KEY"), " for the real one.")];
  banner.replaceChildren(...words);
}

function drawVisitors() {
  const fieldset = byId("visitor");
  if (fieldset.querySelectorAll("input").length === store.world.visitors.length) return;
  const choices = store.world.visitors.map(({ name }, number) => {
    const choose = () => {
      ui.visitor = number;
      delete seen.dm;
      changed();
    };
    return h("label", {}, h("input", { type: "radio", name: "visitor", value: number, checked: number === ui.visitor, onchange: choose }), h("span", {}, name));
  });
  fieldset.replaceChildren(h("legend", {}, "You are"), ...choices);
}

byId("kill").onclick = async ({ currentTarget: button }) => {
  button.disabled = true;
  await send("/kill", {}).catch((error) => console.info(error.message));
  button.disabled = false;
};

/** Tell screen readers about an answer once it has stopped growing. */
let quiet = 0;
let told = null;
function speakLater() {
  const last = [...store.messages.values()].findLast((message) => message.byBot);
  if (!last || last === told) return;
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    told = last;
    byId("spoken").textContent = `${last.author}: ${last.text.slice(0, 300)}`;
  }, QUIET_MS);
}

onChange(() => {
  if (!store.world) return;
  drawBanner();
  drawVisitors();
  slack.draw();
  chats.dm.draw();
  chats.group.draw();
  drawPlaces();
  speakLater();
  planTour();
});

const tour = new Tour(
  { go, chooseChannel: (id) => slack.choose(id), openThread: (id) => slack.open(id) },
  { bar: byId("tour"), caption: byId("caption"), button: byId("play") },
);
byId("starts").append(...STARTS.map(([words, begin]) => h("li", {}, h("button", { type: "button", onclick: () => store.world && begin() }, words))));

/** The tour plays by itself on an untouched page, unless it would cost money or motion is unwelcome. */
let planned = 0;
function planTour() {
  if (planned || !store.world) return;
  const still = new URLSearchParams(location.search).has("still") || matchMedia("(prefers-reduced-motion: reduce)").matches;
  const asked = [...store.messages.values()].some((message) => message.byBot); // #random has talk from the start
  if (still || store.world.kimi.real || asked) {
    planned = -1;
    return;
  }
  planned = setTimeout(() => tour.play(), TOUR_AFTER_MS);
  for (const kind of ["pointerdown", "keydown", "wheel"]) {
    window.addEventListener(kind, (event) => event.isTrusted && clearTimeout(planned), { once: true, capture: true, passive: true });
  }
}

byId("places").append(...Object.keys(PLACES).map(button));
tabs.append(button("dm"), button("group"));
go("dm");
document.body.dataset.place = "slack";
window.addEventListener("resize", changed);
connect((live) => {
  byId("live").textContent = live ? "live" : "reconnecting…";
  byId("live").classList.toggle("on", live);
});
