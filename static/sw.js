// Keeps one page for when there is no signal: the cashier view that was opened
// last, with its style and script (app.js puts them into the cache). Everything
// else must be fresh and is none of its business.
//
// What is kept is for opening the view, and never an answer to a page that looks
// for news: what was is no news, and says what time it was.

const CACHE = "cashier";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  const opensTheView = mode === "navigate" && pathname.endsWith("/cashier");
  if (opensTheView || pathname.startsWith("/static/")) event.respondWith(freshOrKept(event.request));
});

async function freshOrKept(request) {
  try {
    return await fetch(request);
  } catch (offline) {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(request, { ignoreVary: true, ignoreSearch: request.mode === "navigate" });
    if (kept) return withoutTime(kept);
    throw offline;
  }
}

// The kept answer without the time at which it was given (Server-Timing).
function withoutTime(kept) {
  const headers = new Headers(kept.headers);
  headers.delete("Server-Timing");
  return new Response(kept.body, { status: kept.status, headers });
}
