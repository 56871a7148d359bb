"use strict";
// One image a screen, one pixel of the screen for each of its own. The next image is shown at once; votes wait in a
// queue and are sent in order until the server has them.
const byId = (id) => document.getElementById(id);
const meta = (name) => document.querySelector(`meta[name=${name}]`).content;
const method = meta("method");
const paired = method === "dcr" || method === "pc";
const loaded = new Map(); // addresses, and the decoded images they promise
const queue = []; // votes that the server has not acknowledged
let screens = []; // the one that is shown, and those after it
let status = { done: 0, total: 0, undoable: false };
let slot = 0; // which image of the screen is shown
let seen = new Set(); // images of this screen that have been shown
let since = 0; // when the screen's first image appeared
let sent = null; // settles when the queue is empty, null while nothing is being sent
let undoing = false;
let busy = true; // while nothing can be voted on

function nonce() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function say(problem) { byId("problem").textContent = problem; }

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function load(address) {
  if (!loaded.has(address)) {
    const image = new Image();
    image.src = address;
    const ready = image.decode().then(() => image);
    ready.catch(() => loaded.delete(address));
    loaded.set(address, ready);
  }
  return loaded.get(address);
}

// The image, however often it takes, as long as ``screen`` is the one to show.
async function loadFor(screen, address) {
  for (let wait = 250; screen === screens[0]; wait = Math.min(2 * wait, 8000)) {
    try {
      return await load(address);
    } catch {
      say("The image does not load; it is tried again.");
    }
    await pause(wait);
  }
  return null;
}

// The answer to a POST, tried until there is one; null where the server has refused it for good.
async function post(path, facts) {
  for (let wait = 500; ; wait = Math.min(2 * wait, 8000)) {
    try {
      const answer = await fetch(path, {
        method: "POST", body: JSON.stringify(facts),
        headers: { "Content-Type": "application/json", "X-Page-Token": meta("page-token") },
      });
      const told = await answer.json();
      say(answer.ok ? "" : told.error);
      if (answer.ok) return told;
      if (answer.status < 500 && answer.status !== 429) return null;
    } catch {
      say("The server does not answer; your vote is kept here and sent again.");
    }
    await pause(wait);
  }
}

async function show(which) {
  const screen = screens[0];
  const image = await loadFor(screen, screen.images[which]);
  if (screen !== screens[0]) return;
  if (!queue.length) say("");
  slot = which;
  byId("image").replaceWith(image);
  image.id = "image";
  image.alt = "";
  image.draggable = false;
  image.style.width = `${image.naturalWidth / window.devicePixelRatio}px`;
  seen.add(slot);
  await new Promise(requestAnimationFrame);
  if (!since) since = performance.now();
  const words = screen.training ? ["Practice."] : [];
  if (method === "dcr") words.push(slot === 1 ? "The original." : "Judge this image.");
  if (method === "pc") words.push(slot === 0 ? "First image." : "Second image.");
  byId("label").textContent = words.join(" ");
  for (const button of byId("votes").children) button.disabled = paired && seen.size < 2;
}

async function present() {
  if (byId("over").open) byId("over").close();
  if (!screens.length) { if (!queue.length) byId("over").showModal(); return; }
  since = 0;
  seen = new Set();
  const wanted = new Set(screens.flatMap((screen) => screen.images));
  for (const address of loaded.keys()) if (!wanted.has(address)) loaded.delete(address);
  const [screen] = screens;
  await show(method === "dcr" ? 1 : 0);
  if (screen !== screens[0]) return;
  busy = false;
  byId("view").dataset.position = screen.position;
  preload();
}

function preload() {
  for (const screen of screens) for (const address of screen.images) load(address).catch(() => {});
}

function count() {
  const done = status.done + queue.length;
  byId("numbers").textContent = `${done} of ${status.total}`;
  byId("bar").max = status.total;
  byId("bar").value = done;
  byId("undo").disabled = !status.undoable && !queue.length;
}

// What the server said. Screens that are behind the one shown were voted on since.
function take(told, { afresh = false } = {}) {
  status = told;
  const at = screens.length && !afresh ? screens[0].position : -1;
  const ahead = told.screens.filter((screen) => screen.position > at);
  const waiting = new Set(queue.map((vote) => vote.position));
  const kept = at >= 0 ? [screens[0]] : [];
  const before = screens[0];
  screens = [...kept, ...ahead.filter((screen) => !waiting.has(screen.position))];
  count();
  if (screens[0] !== before || afresh || !screens.length) present();
  else preload();
  if (told.rest && !byId("rest").open) byId("rest").showModal();
}

async function refresh() {
  const answer = await fetch("/api/status");
  take(await answer.json(), { afresh: true });
}

async function pump() {
  while (queue.length) {
    const told = await post("/api/vote", queue[0]);
    if (told === null) { queue.length = 0; await refresh(); break; }
    queue.shift();
    take(told);
  }
  sent = null;
}

function vote(value) {
  if (busy || !screens.length || (paired && seen.size < 2) || byId("rest").open) return;
  busy = true;
  const { position } = screens.shift();
  queue.push({ nonce: nonce(), position, vote: value, duration: (performance.now() - since) / 1000 });
  count();
  present();
  if (!sent) sent = pump();
}

async function undo() {
  if (undoing || !(status.undoable || queue.length)) return;
  undoing = busy = true;
  await sent;
  await post("/api/undo", { nonce: nonce() });
  await refresh();
  undoing = false;
}

function other() {
  if (!busy && paired && screens.length) show(1 - slot);
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || byId("rest").open) return;
  const votes = method === "pc" ? { ArrowLeft: 1, ArrowRight: 0, 0: 0.5 } : { 1: 1, 2: 2, 3: 3, 4: 4, 5: 5 };
  if (event.key in votes) { event.preventDefault(); vote(votes[event.key]); }
  else if (event.key === " " && paired) { event.preventDefault(); other(); }
  else if (event.key === "Backspace") { event.preventDefault(); undo(); }
});
byId("votes").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) { vote(Number(button.dataset.vote)); button.blur(); }
});
byId("undo").addEventListener("click", undo);
byId("undo-last").addEventListener("click", undo);
byId("go-on").addEventListener("click", async () => { byId("rest").close(); await post("/api/rested", { nonce: nonce() }); });
for (const id of ["rest", "over"]) byId(id).addEventListener("cancel", (event) => event.preventDefault());
if (paired) byId("other").addEventListener("click", other);

refresh().catch(() => say("The server does not answer. Reload the page."));
