// Everything here is a comfort: without it each page works by links and forms.

// The part of a page that changes by itself: an order, or what is known of one.
const order = () => document.querySelector("[data-watched]");

// Copy what a button names, even where the clipboard is not to be had.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await copy(button.dataset.copy);
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  button.textContent = button.dataset.copied;
  say(button.dataset.copied);
  setTimeout(() => { button.textContent = label; }, 2000);
});

// Hand the code on by what the device offers; without that, copy it.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-share], [data-print]");
  if (!button) return;
  if ("print" in button.dataset) return window.print();
  const text = button.dataset.share;
  try {
    if (navigator.share) return await navigator.share({ text });
  } catch (error) {
    if (error.name === "AbortError") return; // thought better of it
  }
  await copy(text);
  say(button.dataset.copied);
  button.textContent = button.dataset.copied;
});

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

// One quiet place that screen readers listen to; it outlives page changes.
const voice = document.createElement("p");
voice.className = "hidden";
voice.setAttribute("role", "status");
document.body.append(voice);
const say = (text) => { voice.textContent = text; };

// Count down by the shop's clock, whatever this device believes: the shop says
// what time it is with each page and each event. A page that was kept for when
// there is no signal says what time it was, so where a worker may have given it,
// the page waits for the first event, and goes meanwhile by what a page before it
// was told, and by what has passed on this device since. That is never less than
// nothing, should the device be set back: no countdown goes up by itself.
let told = remembered();
function remembered() {
  try {
    return JSON.parse(localStorage.getItem("told"));
  } catch {
    return null; // storage is refused
  }
}
function syncClock(time, ago = 0) {
  if (!time) return;
  told = { shop: Date.parse(time) + ago, here: Date.now() };
  if (!order()?.dataset.events) return; // a sample's time is made up
  try {
    localStorage.setItem("told", JSON.stringify(told));
  } catch {
    // Without storage a kept page goes by the device.
  }
}
const shopTime = () => told ? told.shop + Math.max(0, Date.now() - told.here) : Date.now();
const loaded = performance.getEntriesByType?.("navigation")[0];
if (loaded && !loaded.workerStart) {
  const now = loaded.serverTiming?.find(({ name }) => name === "now"); // only where the connection is safe
  syncClock(now?.description, performance.now() - loaded.responseStart);
}
function tick() {
  for (const timer of document.querySelectorAll("[data-countdown]")) {
    const left = Math.max(0, Math.round((Date.parse(timer.dataset.countdown) - shopTime()) / 1000));
    const pad = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(left / 3600);
    timer.textContent = (hours ? `${hours}:` : "") + `${pad(Math.floor(left / 60) % 60)}:${pad(left % 60)}`;
    timer.classList.toggle("soon", left < 600);
    document.querySelector("[data-over]")?.toggleAttribute("hidden", left > 0); // a page without a signal has no other way to know
    if (left === 0 && !timer.dataset.ended) {
      timer.dataset.ended = "yes";
      setTimeout(refresh, 1500);
    }
  }
}

// The server draws every state of the page; a change means fetching it again
// and putting the new part in place, without losing the reader's place.
let refreshing = false, missed = false; // missed: there was news while the page was being fetched
async function refresh() {
  missed = refreshing;
  if (refreshing || !order()) return;
  refreshing = true;
  const asked = Date.now(); // the answer may come while the device sleeps: the shop's time is taken to be of then
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    syncClock(/\bnow;desc="([^"]+)"/.exec(answer.headers.get("Server-Timing"))?.[1], Math.max(0, Date.now() - asked));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-watched]");
    const old = order();
    if (!fresh || fresh.dataset.watched === old.dataset.watched && fresh.dataset.state === old.dataset.state) return;
    document.title = page.title;
    for (const part of old.querySelectorAll("details[open][id]")) fresh.querySelector(`#${part.id}`)?.setAttribute("open", "");
    old.replaceWith(document.adoptNode(fresh));
    say((fresh.querySelector("[data-said]") ?? fresh.querySelector("h1")).textContent);
    tick();
    ownTime();
    if (!fresh.dataset.events) stop();
  } catch {
    // The next event, or the next look, tries again.
  } finally {
    refreshing = false;
    if (missed) refresh();
  }
}

// How a page hears of changes. A browser has six connections to a shop that speaks
// HTTP/1.1, and a stream holds one for as long as it lasts. So all pages of a
// browser have two streams at most: pages that show the same order share one, and a
// hidden page has none. A page without a stream, because two others have them, the
// shop has no room, or the browser is old, fetches itself now and then instead.
const streams = ["stream 1", "stream 2"]; // locks, which the browser gives to one page each
const soonest = 3000, slowest = 20000; // milliseconds between two attempts
let watching, listening = false; // listening: this page's own stream has said something

function stop() {
  watching?.abort();
  watching = null;
}

function watch() {
  stop();
  const address = order()?.dataset.events;
  if (!address) return;
  watching = new AbortController();
  const { signal } = watching;
  repeat(signal, () => listening || refresh());
  if (!("EventSource" in window && "BroadcastChannel" in window && navigator.locks)) return; // there are no locks on plain http
  const others = new BroadcastChannel(address);
  signal.addEventListener("abort", () => others.close());
  others.onmessage = ({ data }) => heard(data);
  if (document.hidden) return;
  hold([address], signal, () => hold(streams, signal, () => listen(address, signal, others)));
}

// hold calls then with the first of these locks that is free, and keeps the lock
// until the signal.
function hold(names, signal, then) {
  const waiting = new AbortController();
  const ended = new Promise((end) => signal.addEventListener("abort", () => { waiting.abort(); end(); }));
  let held = false;
  const got = () => {
    if (held || signal.aborted) return;
    held = true;
    waiting.abort(); // for the other locks
    then();
    return ended;
  };
  for (const name of names) navigator.locks.request(name, { signal: waiting.signal }, got).catch(() => {});
}

// listen opens the stream, and opens it again after it ended or was refused.
function listen(address, signal, others) {
  let events;
  const open = () => {
    if (events && events.readyState !== EventSource.CLOSED) return;
    events = new EventSource(address);
    events.addEventListener("status", ({ data }) => {
      listening = true;
      heard(data);
      others.postMessage(data);
    });
    events.addEventListener("error", close);
  };
  const close = () => {
    events.close(); // left alone, all browsers would come back three seconds after a restart
    listening = false;
  };
  signal.addEventListener("abort", close);
  open();
  repeat(signal, open, () => listening);
}

function heard(data) {
  syncClock(JSON.parse(data).server_time);
  refresh();
}

// repeat calls again and again, less and less often, at moments that differ from
// page to page. It begins anew while all is well.
function repeat(signal, call, well = () => false, delay = soonest) {
  setTimeout(() => {
    if (signal.aborted) return;
    call();
    repeat(signal, call, well, well() ? soonest : Math.min(delay * 1.3, slowest));
  }, delay * (0.5 + Math.random()));
}

// The deadline in the reader's own time, where that is another.
function ownTime() {
  for (const line of document.querySelectorAll("[data-own-time]")) {
    const moment = new Date(line.dataset.moment);
    if (moment.getTimezoneOffset() === -7 * 60) continue;
    const own = moment.toLocaleString(document.documentElement.lang, { weekday: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" });
    line.textContent = `${line.dataset.ownTime} ${own}`;
  }
}

// At the till: keep the screen on, and the page for when there is no signal.
async function atTheTill() {
  const page = document.querySelector("[data-cashier]");
  if (!page) return;
  const online = () => page.querySelector("[data-offline]").toggleAttribute("hidden", navigator.onLine);
  addEventListener("online", () => location.reload());
  addEventListener("offline", online);
  online();
  const awake = () => document.hidden || navigator.wakeLock?.request("screen").catch(() => {});
  document.addEventListener("visibilitychange", awake);
  awake();
  if (!("serviceWorker" in navigator)) return;
  if (page.dataset.cashier !== "keep") return caches.delete("cashier");
  await navigator.serviceWorker.register("/sw.js");
  const parts = [...document.querySelectorAll("link[rel=stylesheet], script[src]")].map((part) => part.href ?? part.src);
  const wanted = [location.origin + location.pathname, ...parts];
  const cache = await caches.open("cashier");
  await cache.addAll(wanted); // before anything older goes
  for (const old of await cache.keys()) if (!wanted.includes(old.url)) await cache.delete(old);
  document.documentElement.dataset.kept = "yes";
}
atTheTill().catch(() => {}); // a comfort, like everything here

// On the tour the arrow keys turn the page, and so does a presenter's clicker.
const turns = { ArrowRight: "next", PageDown: "next", ArrowLeft: "back", PageUp: "back" };
document.addEventListener("keydown", (event) => {
  const button = turns[event.key] && document.querySelector(`[data-turn="${turns[event.key]}"]`);
  if (!button || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  button.click();
});

if (order()) {
  watch();
  ownTime();
  tick();
  setInterval(tick, 1000);
  let away = false; // the browser may keep the page as it is, for hours maybe
  const look = () => { tick(); watch(); refresh(); };
  document.addEventListener("visibilitychange", () => away || (document.hidden ? watch() : look()));
  addEventListener("online", look);
  addEventListener("pagehide", () => { away = true; stop(); });
  addEventListener("pageshow", ({ persisted }) => { away = false; if (persisted) look(); });
}
document.querySelector("[data-focus]")?.focus();
