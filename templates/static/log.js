// Follows a job's log: appends what the service streams, with a terminal's colours and nothing else it would obey,
// and finds lines in what is loaded. Text goes in as text only, never as markup. The same rules as
// app/web/log_text.py; what looks like an error the page itself tells, from app/web/log_errors.py.

const KEPT = 2_000_000, ROWS = 10_000; // characters and lines in the page; the rest is a link away
const log = document.getElementById("log");
const state = document.getElementById("log-state");
const follow = document.getElementById("follow");

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const ESCAPE = /\x1b(?:\[([0-9;:]*)([@-~])|\[[0-?]*[ -\/]*[@-~]?|[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)?|[ -\/]*[0-~]?)/g;
const UNFINISHED = /\x1b(?:\[[0-?]*[ -\/]*|[\]PX^_][^\x07\x1b\x9c]*\x1b?|[ -\/]*)?$/;
const INVISIBLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
const BEGINS = /^\[rigline\] (?:(build|run): |(run) \d{1,6} of \d{1,6}$)/;
const LONGEST_ESCAPE = 4096, LONGEST_LOOKED_AT = 1000;
const SETTLES_MS = 500; // so long a key's smooth scroll may go on that began before follow was chosen
const SIGNS = log ? JSON.parse(log.dataset.signs).map(([pattern, flags]) => new RegExp(pattern, flags)) : [];

const noLook = () => ({ colour: "", bold: false, dim: false });
let look = noLook(), held = "", row = null, number = 1, came = null, parent = log, size = 0, rows = [];

function visible(text) {
  return text.replace(INVISIBLE, (control) => {
    const code = control.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "␡" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}
function obey(values) {
  const codes = (values || "0").split(/[;:]/).map((each) => Number(each.slice(0, 3)) || 0);
  while (codes.length) {
    const code = codes.shift();
    if (code === 38 || code === 48) { codes.splice(0, codes[0] === 5 ? 2 : 4); continue; }
    if (code === 0) look = noLook();
    else if (code === 1 || code === 2 || code === 22) look = { ...look, bold: code === 1 || (look.bold && code === 2), dim: code === 2 };
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) look = { ...look, colour: COLOURS[code % 10] };
    else if (code === 39) look = { ...look, colour: "" };
  }
}
function piece(target, text) {
  if (!text) return;
  size += text.length;
  const words = [look.colour && `ansi-${look.colour}`, look.bold && "bold", look.dim && "dim"].filter(Boolean).join(" ");
  if (!words) { target.append(visible(text)); return; }
  const span = document.createElement("span");
  span.className = words;
  span.textContent = visible(text);
  target.append(span);
}
function clock(seconds) { return new Date(seconds * 1000).toLocaleTimeString([], { hour12: false }); }
function begin() {
  row = document.createElement("span");
  row.className = "line"; row.id = `L${number}`;
  if (came) { row.dataset.at = came; row.dataset.time = clock(came); }
  const link = document.createElement("a");
  link.className = "no"; link.href = `?line=${number}#L${number}`; link.tabIndex = -1;
  link.dataset.no = number; link.ariaHidden = "true";
  row.append(link);
  parent.append(row); rows.push(row);
}
function end() {
  const text = row.textContent;
  if (SIGNS.some((sign) => sign.test(text.slice(0, LONGEST_LOOKED_AT).trimEnd()))) row.classList.add("error");
  const begins = BEGINS.exec(text);
  if (begins) section(begins[1] || begins[2]);
  row.append("\n"); size += 1; number += 1; row = null;
}
function section(phase) { // a line that names another phase is the first one of it
  if (parent.dataset.phase === phase) return;
  parent = document.createElement("details");
  parent.className = "phase"; parent.open = true; parent.dataset.phase = phase;
  const summary = document.createElement("summary");
  summary.textContent = phase;
  parent.append(summary, row);
  log.append(parent);
}
function part(given, isWhole) { // of one line
  let text = held + given.replaceAll("\r", "\n"), at = 0;
  const rest = isWhole ? null : text.match(UNFINISHED);
  held = rest && rest[0].length < LONGEST_ESCAPE ? rest[0] : "";
  if (held) text = text.slice(0, -held.length);
  for (const escape of text.matchAll(ESCAPE)) {
    piece(row, text.slice(at, escape.index));
    if (escape[2] === "m") obey(escape[1]);
    at = escape.index + escape[0].length;
  }
  piece(row, text.slice(at));
}
function add(given) {
  const parts = given.split("\n");
  parts.forEach((each, at) => {
    const isWhole = at < parts.length - 1;
    if (!isWhole && !each) return;
    if (!row) begin();
    part(isWhole ? each.replace(/\r+$/, "") : each, isWhole);
    if (isWhole) end();
  });
  trim();
}
function trim() {
  while (rows.length > 1 && (rows.length > ROWS || size > KEPT)) {
    const first = rows.shift(), around = first.parentElement;
    size -= first.textContent.length;
    first.remove();
    if (around !== log && around !== parent && !around.querySelector(".line")) around.remove();
    log.dataset.whole = "no";
  }
}

// Chunks are gathered until the next frame: a busy log costs one layout per frame, not per line.
let waiting = [], scheduled = false, cut = "";
function flush() {
  scheduled = false;
  for (const [text, at] of waiting) { came = at; add(text); }
  waiting = [];
  if (follow.checked) log.scrollTop = log.scrollHeight;
  if (find.value) mark();
}
function arrived(text, at) { // a carriage return at the end may belong to a newline that is still to come
  text = cut + text;
  cut = text.endsWith("\r") ? "\r" : "";
  waiting.push([cut ? text.slice(0, -1) : text, at]);
  if (!scheduled) { scheduled = true; requestAnimationFrame(flush); setTimeout(() => scheduled && flush(), 250); }
}

function listen() {
  let at = log.dataset.at, done = false;
  const connect = () => {
    const source = new EventSource(`${log.dataset.stream}?at=${encodeURIComponent(at)}`);
    source.addEventListener("log", (event) => {
      const said = JSON.parse(event.data);
      at = event.lastEventId || at; arrived(said.text, said.at);
    });
    source.addEventListener("attempt", (event) => {
      log.replaceChildren(); held = cut = ""; waiting = []; rows = []; size = 0; look = noLook(); row = null; number = 1; parent = log;
      log.dataset.whole = "yes";
      at = event.lastEventId; state.textContent = `Attempt ${event.data} …`;
    });
    source.addEventListener("end", (event) => {
      done = true; source.close();
      state.textContent = `The job ended: ${event.data.replaceAll("_", " ")}.`;
    });
    source.onerror = () => {
      if (!done && source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
    };
  };
  connect();
}
function followTheEnd() { // whoever scrolls up stays there; whoever comes back to the end goes on with it
  let top = log.scrollTop, settled = 0;
  log.addEventListener("wheel", (event) => { if (event.deltaY < 0) follow.checked = false; }, { passive: true });
  log.addEventListener("scroll", () => {
    if (log.scrollTop + log.clientHeight >= log.scrollHeight - 4) follow.checked = true;
    else if (log.scrollTop < top && follow.checked && performance.now() < settled) log.scrollTop = log.scrollHeight;
    else if (log.scrollTop < top) follow.checked = false;
    top = log.scrollTop;
  });
  follow.addEventListener("change", () => {
    if (!follow.checked) return;
    settled = performance.now() + SETTLES_MS;
    log.scrollTop = log.scrollHeight;
  });
}

// Lines: to one of a number, to the next error, to the next hit.
const find = document.getElementById("log-q");
let here = 0;
function lineNumber(line) { return Number(line.id.slice(1)); }
function goTo(line) {
  if (follow) follow.checked = false;
  const around = line.closest("details");
  if (around) around.open = true;
  here = lineNumber(line);
  history.replaceState(null, "", `#${line.id}`);
  log.querySelector(".here")?.classList.remove("here");
  line.classList.add("here");
  line.scrollIntoView({ block: "center" });
  state.textContent = `Line ${here}: ${line.textContent.trim().slice(0, 200)}`;
}
function nextOf(kind, after) { return [...log.querySelectorAll(`.line.${kind}`)].find((line) => lineNumber(line) > after); }
function goToError(event, after) {
  const isLoaded = log.dataset.whole === "yes" || after >= lineNumber(log.querySelector(".line") ?? { id: "L999999999" });
  const line = isLoaded && nextOf("error", after);
  if (!line && log.dataset.whole !== "yes") return; // the link asks the service, which looks through all of it
  event.preventDefault();
  if (line) goTo(line); else state.textContent = "No further line looks like an error.";
}
function mark() {
  const wanted = find.value.toLowerCase();
  let hits = 0;
  for (const line of log.querySelectorAll(".line")) {
    const isHit = wanted !== "" && line.textContent.toLowerCase().includes(wanted);
    line.classList.toggle("hit", isHit);
    hits += isHit;
  }
  return hits;
}
function findHere() {
  find.addEventListener("input", () => {
    here = 0;
    const hits = mark(), all = log.dataset.whole === "yes" ? "" : " shown here; Enter looks through the whole log";
    state.textContent = find.value ? `${hits} ${hits === 1 ? "line" : "lines"}${all}` : "";
  });
  find.form.addEventListener("submit", (event) => {
    if (log.dataset.whole !== "yes") return;
    event.preventDefault();
    mark();
    const line = nextOf("hit", here) ?? nextOf("hit", 0);
    if (line) goTo(line); else state.textContent = "No line says that.";
  });
}
function jumps() {
  const next = document.getElementById("next-error");
  document.getElementById("first-error").addEventListener("click", (event) => goToError(event, 0));
  next.addEventListener("click", (event) => {
    const address = new URL(next.href);
    address.searchParams.set("after", here);
    next.href = address;
    goToError(event, here);
  });
  log.addEventListener("keydown", (event) => {
    if (event.key === "e" && !event.ctrlKey && !event.metaKey && !event.altKey) next.click();
  });
  log.addEventListener("click", (event) => {
    const link = event.target.closest("a.no");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goTo(link.parentElement);
  });
}
function timesOfLines() {
  const box = document.getElementById("times");
  for (const line of log.querySelectorAll(".line[data-at]")) line.dataset.time = clock(Number(line.dataset.at));
  const show = () => log.classList.toggle("timed", box.checked);
  box.checked = localStorage.getItem("log-times") === "yes";
  box.addEventListener("change", () => { localStorage.setItem("log-times", box.checked ? "yes" : "no"); show(); });
  show();
}
function start() {
  rows = [...log.querySelectorAll(".line")];
  size = rows.reduce((sum, each) => sum + each.textContent.length, 0);
  const last = rows.at(-1), inPhase = log.querySelectorAll("details.phase");
  parent = inPhase.length ? inPhase[inPhase.length - 1] : log;
  number = last ? lineNumber(last) + 1 : 1;
  if (last && log.dataset.partial === "yes" && log.dataset.live === "yes") { // it comes again, whole
    number -= 1; rows.pop(); size -= last.textContent.length; last.remove();
  }
  const asked = /^#L([0-9]{1,9})$/.exec(location.hash);
  const line = asked && document.getElementById(`L${asked[1]}`);
  if (line) goTo(line);
  else if (asked && log.dataset.end === "yes") location.replace(`?line=${asked[1]}#L${asked[1]}`);
  else if (log.dataset.end === "yes") log.scrollTop = log.scrollHeight; // the end says how it went
}

if (log) {
  start();
  if (log.dataset.live === "yes") { state.textContent = "Waiting for more …"; followTheEnd(); listen(); }
  jumps(); findHere(); timesOfLines();
}
