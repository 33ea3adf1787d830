// Keeps a page current: on a hint from the service the same page is fetched again, and its regions are replaced.
// Without this script the page is as it was when it was loaded.

const MIN_GAP = 1000; // milliseconds between two fetches, however many hints come
const main = document.querySelector("main[data-live]");

const spans = [[31536000, "y"], [2592000, "mo"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
function ago(at) {
  const seconds = (Date.now() - Date.parse(at)) / 1000;
  if (Math.abs(seconds) < 5) return "just now";
  const [size, unit] = spans.find(([each]) => Math.abs(seconds) >= each) ?? spans.at(-1);
  const span = `${Math.floor(Math.abs(seconds) / size)} ${unit}`;
  return seconds > 0 ? `${span} ago` : `in ${span}`;
}
function tick() {
  for (const time of document.querySelectorAll("time[title]")) {
    const text = ago(time.dateTime);
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(tick, 5000);

let asked = 0, timer = null, busy = false, again = false;
async function refresh() {
  if (busy) { again = true; return; }
  busy = true; asked = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch { /* away for a moment: the next hint, or the reconnect, tries again */ }
  busy = false;
  if (again) { again = false; soon(); }
}
function kept(element) { // how to find what has the focus in the new page
  const link = element.getAttribute("href"), named = element.closest("[id]");
  if (link) return `a[href="${CSS.escape(link)}"]`;
  if (!named?.closest("[data-region]")) return null;
  return `#${CSS.escape(named.id)}` + (named === element ? "" : ` > ${element.localName}`);
}
document.addEventListener("toggle", (event) => { if (main && !event.target.open) soon(); }, true); // what was held back meanwhile
function replace(fresh) {
  for (const region of document.querySelectorAll("[data-region]")) {
    const now = fresh.querySelector(`[data-region="${region.dataset.region}"]`);
    if (!now || now.innerHTML === region.innerHTML) continue;
    if (region.contains(document.getSelection()?.anchorNode) && !document.getSelection().isCollapsed) continue;
    if (region.querySelector("details.press[open]")) continue; // somebody is about to answer its question
    const opened = new Map([...region.querySelectorAll("details[id]")].map((each) => [each.id, each.open]));
    const focused = region.contains(document.activeElement) ? kept(document.activeElement) : null;
    region.innerHTML = now.innerHTML;
    for (const each of region.querySelectorAll("details[id]")) if (opened.has(each.id)) each.open = opened.get(each.id);
    if (focused) region.querySelector(focused)?.focus();
  }
  document.title = fresh.title;
}
function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, Math.max(50, asked + MIN_GAP - Date.now()));
}

if (main) {
  const light = document.getElementById("live");
  const query = new URLSearchParams({ topics: main.dataset.live });
  for (const name of ["pipeline", "job"]) if (main.dataset[name]) query.set(name, main.dataset[name]);
  let source = null, opened = false;
  const connect = () => {
    source = new EventSource(`/events?${query}`);
    source.onopen = () => {
      light.hidden = false; light.dataset.on = "yes"; light.querySelector(".live-text").textContent = "live";
      if (opened) soon(); // what happened while the line was down
      opened = true;
    };
    source.onmessage = soon;
    source.addEventListener("changed", soon);
    source.onerror = () => {
      light.dataset.on = "no"; light.querySelector(".live-text").textContent = "reconnecting";
      if (source.readyState === EventSource.CLOSED) { source.close(); setTimeout(connect, 5000); }
    };
  };
  connect();
  // A hidden tab holds no line open; it looks again when it is shown.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source.close(); light.dataset.on = "no"; } else { connect(); soon(); }
  });
}
document.documentElement.dataset.script = "yes";
