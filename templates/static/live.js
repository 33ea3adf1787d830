// Keeps a page current: the service says what kind of thing changed, and the regions of the page that show such things
// are fetched again. Without this script the page is as it was when it was loaded.

import { morph } from "./morph.js";

const MIN_GAP = 1000; // milliseconds between two fetches, however much happens
const SHARE = 10; // a service that takes long to answer is asked the less often: so many times what it took lies between
const LOST_AFTER = 2500; // milliseconds without a line until the page says so: a restart takes less
const AGAIN = 300000; // milliseconds: what changes with no event, as a builder that falls silent, is looked at so often
const main = document.querySelector("main[data-live]");
const light = document.getElementById("live");

const spans = [[31536000, "y"], [2592000, "mo"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
function ago(at) {
  const seconds = (Date.now() - Date.parse(at)) / 1000;
  if (Math.abs(seconds) < 5) return "just now";
  const [size, unit] = spans.find(([each]) => Math.abs(seconds) >= each) ?? spans.at(-1);
  const span = `${Math.floor(Math.abs(seconds) / size)} ${unit}`;
  return seconds > 0 ? `${span} ago` : `in ${span}`;
}
function since(at) { // as the service writes it: 00:03:07, 2d 04:10:00
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(at)) / 1000)), days = Math.floor(seconds / 86400);
  const [h, m, s] = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60].map((each) => String(each).padStart(2, "0"));
  return `${days ? `${days}d ` : ""}${h}:${m}:${s}`;
}
function write(time, text) { if (time.textContent !== text) time.textContent = text; }
function tick() {
  for (const time of document.querySelectorAll("time[title]:not([data-since], [data-clock])")) write(time, ago(time.dateTime));
}
setInterval(tick, 5000);
setInterval(() => { for (const time of document.querySelectorAll("time[data-since]")) write(time, since(time.dateTime)); }, 1000);

const stale = new Set(); // names of regions
let at = main?.dataset.at ?? "", asked = 0, gap = MIN_GAP, timer = null, busy = false;

function changed(topics) { // null: everything
  for (const region of main.querySelectorAll("[data-region]")) {
    const shows = (region.dataset.on ?? main.dataset.live).split(" ");
    if (topics === null || topics.some((each) => shows.includes(each))) stale.add(region.dataset.region);
  }
  if (stale.size) soon();
}
function soon(least = 50) {
  clearTimeout(timer);
  timer = setTimeout(refresh, Math.max(least, asked + gap - Date.now()));
}
async function refresh() {
  if (busy || !stale.size) return;
  const names = [...stale];
  busy = true; asked = Date.now(); stale.clear();
  try {
    const headers = { Accept: "text/html", "Rigline-Parts": names.join(" "), "Rigline-At": at };
    const answer = await fetch(location.href, { headers, cache: "no-store" });
    if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"), names);
    else if (answer.status < 500 && answer.status !== 429) location.reload(); // gone, or not to be seen any more: the page says which
    else throw new Error(answer.status);
    gap = Math.max(MIN_GAP, SHARE * (Date.now() - asked));
  } catch { // away for a moment
    names.forEach((each) => stale.add(each));
    gap = Math.min(2 * gap, 30000);
  }
  busy = false;
  if (stale.size) soon();
}
function replace(fresh, names) {
  for (const region of main.querySelectorAll("[data-region]")) {
    const now = names.includes(region.dataset.region) && fresh.querySelector(`[data-region="${region.dataset.region}"]`);
    if (now) morph(region, now);
  }
  document.title = fresh.title;
  tick();
}

let source = null, lost = null;
function said(event) { if (event.lastEventId) at = event.lastEventId; }
function show(isOn) {
  light.hidden = false;
  if (!isOn) { lost ??= setTimeout(() => say("no", "connection lost, trying again"), LOST_AFTER); return; }
  forget();
  say("yes", "live");
}
function say(isOn, text) { light.dataset.on = isOn; write(light.querySelector(".live-text"), text); }
function forget() { clearTimeout(lost); lost = null; }
function connect() {
  source?.close();
  const query = new URLSearchParams({ topics: main.dataset.live, at });
  for (const name of ["pipeline", "job", "builder", "repository"]) if (main.dataset[name]) query.set(name, main.dataset[name]);
  const isUnsure = !at; // nobody could say how current the page is
  source = new EventSource(`/events?${query}`);
  source.onopen = () => { show(true); if (isUnsure) changed(null); };
  source.addEventListener("changed", (event) => { said(event); changed(JSON.parse(event.data).topics); });
  source.addEventListener("reset", (event) => { said(event); changed(null); });
  source.addEventListener("over", (event) => {
    said(event);
    const { pipeline, state, title } = JSON.parse(event.data);
    const text = `Pipeline ${pipeline} ${state.replaceAll("_", " ")}: ${title}`;
    document.dispatchEvent(new CustomEvent("toast", { detail: { text, href: `/pipelines/${pipeline}`, kind: state } }));
  });
  source.onerror = () => {
    show(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (!document.hidden) connect(); }, 3000 + 2000 * Math.random());
  };
}

if (main && light) {
  if (!document.hidden) connect();
  // A hidden tab holds no line, as a browser has few for one host: it goes on where it was when it is shown.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source?.close(); forget(); light.hidden = true; } else { connect(); if (stale.size) soon(); }
  });
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) { connect(); changed(null); } });
  setInterval(() => { if (!document.hidden) changed(null); }, AGAIN * (0.9 + 0.2 * Math.random()));
}
document.documentElement.dataset.script = "yes";
