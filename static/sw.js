// Keeps one page for when there is no signal: the cashier view that was opened
// last, with its style and script (app.js puts them into the cache). Everything
// else must be fresh and is none of its business.

const CACHE = "cashier";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  if (pathname.endsWith("/cashier") || pathname.startsWith("/static/")) event.respondWith(freshOrKept(event.request));
});

async function freshOrKept(request) {
  try {
    return await fetch(request);
  } catch (offline) {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(request, { ignoreVary: true, ignoreSearch: request.mode === "navigate" });
    if (kept) return kept;
    throw offline;
  }
}
