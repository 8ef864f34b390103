// Puts the page together: who the visitor is, which chat is in front, and the stream of changes.

import { h } from "./dom.js";
import { SlackPane } from "./slack.js";
import { changed, connect, onChange, store } from "./store.js";
import { TelegramChat } from "./telegram.js";

const PLACES = { slack: "Slack", dm: "Telegram DM", group: "Telegram group" };
const QUIET_MS = 2500;

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
});

byId("places").append(...Object.keys(PLACES).map(button));
tabs.append(button("dm"), button("group"));
go("dm");
document.body.dataset.place = "slack";
window.addEventListener("resize", changed);
connect((live) => {
  byId("live").textContent = live ? "live" : "reconnecting…";
  byId("live").classList.toggle("on", live);
});
