"use strict";
// Fetches the changing part of a page again, as HTML from the server, while the page is visible.

const EVERY_MS = 800;

async function refresh(section) {
  const answer = await fetch(section.dataset.live, { credentials: "same-origin" });
  if (answer.status === 401) {
    location.reload();
    return;
  }
  const html = await answer.text();
  if (answer.ok && html !== section.shownHtml) {
    section.shownHtml = html;
    section.innerHTML = html;
  }
}

async function watch(section) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.hidden) continue;
    try {
      await refresh(section);
    } catch {
      // out of reach: tried again
    }
  }
}

document.querySelectorAll("[data-live]").forEach(watch);

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
