"use strict";
// Fetches the changing part of a page again, as HTML from the server, while the page is visible.

const EVERY_MS = 1500;

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
