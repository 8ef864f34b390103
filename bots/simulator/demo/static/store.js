// What stands on the screens now, kept up to date by one stream of changes from the server.

export const store = {
  world: null, // who and what there is
  messages: new Map(), // platform/channel/id -> message; a change replaces the object
  statuses: new Map(), // platform/channel/thread -> text
};

const listeners = new Set();
let planned = false;

/** Call `listener` after changes, at most once a frame. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Let all listeners draw anew soon. */
export function changed() {
  if (planned) return;
  planned = true;
  // A hidden tab gets no animation frames, but should not fall behind either.
  const later = document.hidden ? (run) => setTimeout(run, 50) : requestAnimationFrame;
  later(() => {
    planned = false;
    for (const listener of listeners) listener();
  });
}

/** Return the messages of one chat, oldest first, without those that only others see. */
export function messagesOf(platform, channel, viewer) {
  return [...store.messages.values()].filter(
    (message) =>
      message.platform === platform &&
      message.channel === channel &&
      (message.visibleTo === "" || message.visibleTo === viewer),
  );
}

/** Return the status shown in a place; "" where there is none. */
export function statusOf(platform, channel, thread = "") {
  return store.statuses.get(`${platform}/${channel}/${thread}`) ?? "";
}

function keyOf({ platform, channel, id }) {
  return `${platform}/${channel}/${id}`;
}

function setStatus({ platform, channel, thread, text }) {
  const key = `${platform}/${channel}/${thread}`;
  if (text) store.statuses.set(key, text);
  else store.statuses.delete(key);
}

const APPLY = {
  snapshot(change) {
    store.world = change.world;
    store.messages = new Map(change.messages.map((message) => [keyOf(message), message]));
    store.statuses = new Map();
    change.statuses.forEach(setStatus);
  },
  message(change) {
    store.messages.set(keyOf(change.message), change.message);
  },
  gone(change) {
    store.messages.delete(keyOf(change));
  },
  status: setStatus,
};

/** Follow the server; after a break the browser connects again and gets everything anew. */
export function connect(onState) {
  const source = new EventSource("/events");
  source.onmessage = (event) => {
    const change = JSON.parse(event.data);
    APPLY[change.kind](change);
    changed();
  };
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
  window.addEventListener("pagehide", () => source.close());
}

/** Send something; return the server's reply. Throws an Error with words for the visitor. */
export async function send(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The demo does not answer. Is it still running?");
  }
  const reply = await response.json().catch(() => ({}));
  if (!response.ok || reply.note) throw new Error(reply.note ?? `Refused (${response.status}).`);
  return reply;
}
