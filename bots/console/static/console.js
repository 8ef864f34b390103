// Draws answers, and fetches the changing part of a page again, as HTML from the server, while it is visible.

import { markdown } from "./drawing/markdown.js";

const EVERY_MS = 600;
const sources = new WeakMap(); // element -> its HTML as the server sent it

/** Draw the Markdown of answers, by the code that draws the demo's messages. */
function draw(root) {
  for (const words of root.querySelectorAll("[data-markdown]")) {
    words.replaceChildren(...markdown(words.textContent));
    words.removeAttribute("data-markdown");
    words.classList.replace("words", "text");
  }
}

/** Replace the children that have changed; what is open, selected or focused in the others stays. */
function patch(section, html) {
  const old = [...section.children];
  const fresh = [...new DOMParser().parseFromString(html, "text/html").body.children];
  fresh.forEach((element, index) => {
    const source = element.outerHTML;
    if (old[index] && sources.get(old[index]) === source) return;
    sources.set(element, source);
    draw(element);
    if (old[index]) old[index].replaceWith(element);
    else section.append(element);
  });
  old.slice(fresh.length).forEach((element) => element.remove());
}

async function refresh(section) {
  const answer = await fetch(section.dataset.live, { credentials: "same-origin" });
  if (answer.status === 401) {
    location.reload();
    return;
  }
  if (answer.ok) patch(section, await answer.text());
}

async function watch(section) {
  for (;;) {
    try {
      if (!document.hidden) await refresh(section);
    } catch {
      // out of reach: tried again
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

for (const section of document.querySelectorAll("[data-live]")) {
  for (const element of section.children) sources.set(element, element.outerHTML);
  watch(section);
}
draw(document);

// Sends the files of a form one after another, each as the body of a request, and shows how far it is.
function send(address, file, token, bar) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("x-csrf-token", token);
    request.upload.onprogress = (event) => { bar.value = event.loaded / Math.max(1, event.total); };
    request.onload = () => resolve(request.responseText.slice(0, 300));
    request.onerror = () => resolve("✗");
    request.send(file);
  });
}

async function upload(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const { csrf, set, new_set: newSet, files } = form.elements;
  for (const file of files.files) {
    const line = form.querySelector("[data-uploaded]").appendChild(document.createElement("li"));
    line.textContent = `${file.name} `;
    const bar = line.appendChild(document.createElement("progress"));
    const query = new URLSearchParams({ set: set.value, new_set: newSet.value, name: file.name });
    line.textContent = await send(`${form.dataset.upload}?${query}`, file, csrf.value, bar);
  }
}

document.querySelectorAll("[data-upload]").forEach((form) => form.addEventListener("submit", upload));
