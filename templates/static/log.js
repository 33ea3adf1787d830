// Follows a job's log: appends what the service streams, with a terminal's colours and nothing else it would obey.
// Text goes in as text only, never as markup. The same rules as app/web/pages/log_text.py.

const KEPT = 2_000_000; // characters in the page; the rest is in the raw log
const log = document.getElementById("log");
const state = document.getElementById("log-state");
const box = document.querySelector(".follow");
const follow = document.getElementById("follow");

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const ESCAPE = /\x1b(?:\[([0-9;:]*)([@-~])|\[[0-?]*[ -\/]*[@-~]?|[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)?|[ -\/]*[0-~]?)/g;
const UNFINISHED = /\x1b(?:\[[0-?]*[ -\/]*|[\]PX^_][^\x07\x1b\x9c]*\x1b?|[ -\/]*)?$/;
const INVISIBLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
const LONGEST_ESCAPE = 4096;

let look = { colour: "", bold: false, dim: false }, held = "";

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
    if (code === 0) look = { colour: "", bold: false, dim: false };
    else if (code === 1 || code === 2 || code === 22) look = { ...look, bold: code === 1 || (look.bold && code === 2), dim: code === 2 };
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) look = { ...look, colour: COLOURS[code % 10] };
    else if (code === 39) look = { ...look, colour: "" };
  }
}
function piece(target, text) {
  if (!text) return;
  const words = [look.colour && `ansi-${look.colour}`, look.bold && "bold", look.dim && "dim"].filter(Boolean).join(" ");
  if (!words) { target.append(visible(text)); return; }
  const span = document.createElement("span");
  span.className = words;
  span.textContent = visible(text);
  target.append(span);
}
function add(given) {
  let text = held + given, at = 0;
  const rest = text.match(UNFINISHED);
  held = rest && rest[0].length < LONGEST_ESCAPE ? rest[0] : "";
  if (held) text = text.slice(0, -held.length);
  const fresh = document.createDocumentFragment();
  for (const escape of text.matchAll(ESCAPE)) {
    piece(fresh, text.slice(at, escape.index));
    if (escape[2] === "m") obey(escape[1]);
    at = escape.index + escape[0].length;
  }
  piece(fresh, text.slice(at));
  log.append(fresh);
  let size = log.textContent.length;
  while (size > KEPT && log.firstChild !== log.lastChild) { size -= log.firstChild.textContent.length; log.firstChild.remove(); }
}

// Chunks are gathered until the next frame: a busy log costs one layout per frame, not per line.
let waiting = "", scheduled = false;
function flush() {
  scheduled = false;
  add(waiting); waiting = "";
  if (follow.checked) log.scrollTop = log.scrollHeight;
}
function arrived(text) {
  waiting += text.replace(/\r\n?/g, "\n");
  if (!scheduled) { scheduled = true; requestAnimationFrame(flush); setTimeout(() => scheduled && flush(), 250); }
}

if (log) log.scrollTop = log.scrollHeight; // the end says how it went
if (log && log.dataset.ended === "no") {
  box.hidden = false;
  state.textContent = "Waiting for more …";
  log.addEventListener("wheel", (event) => { if (event.deltaY < 0) follow.checked = false; }, { passive: true });
  log.addEventListener("scroll", () => { if (log.scrollTop + log.clientHeight >= log.scrollHeight - 4) follow.checked = true; });
  follow.addEventListener("change", () => { if (follow.checked) log.scrollTop = log.scrollHeight; });

  let at = log.dataset.at, done = false;
  const connect = () => {
    const source = new EventSource(`${log.dataset.stream}?at=${encodeURIComponent(at)}`);
    source.addEventListener("log", (event) => { at = event.lastEventId || at; arrived(JSON.parse(event.data).text); });
    source.addEventListener("attempt", (event) => {
      log.replaceChildren(); held = waiting = ""; look = { colour: "", bold: false, dim: false };
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
