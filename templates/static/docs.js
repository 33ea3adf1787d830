// Tries operations of the API in the page that describes them. The token is read from its field when a request is sent,
// and kept nowhere else; no cookie goes along. Without this script the page is there to be read.

const MOST = 200_000; // characters of an answer that are shown
const token = document.getElementById("token");
for (const hidden of document.querySelectorAll("#as-whom, form.try")) hidden.hidden = false;
document.getElementById("as-whom").addEventListener("submit", (event) => event.preventDefault());

function address(form) {
  const url = new URL(form.dataset.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(form.elements[name].value)), location.href);
  for (const field of form.querySelectorAll('[data-place="query"]')) {
    if (field.value !== "") url.searchParams.set(field.name, field.value);
  }
  return url;
}

function request(form, signal) {
  const headers = new Headers(), method = form.dataset.method;
  if (token.value.trim()) headers.set("Authorization", `Bearer ${token.value.trim()}`);
  if (method !== "GET") headers.set("Idempotency-Key", Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, "0")).join(""));
  const text = form.querySelector('[data-place="body"]'), file = form.querySelector('[data-place="file"]');
  let body;
  if (file) [body] = file.files;
  else if (text && text.value.trim()) {
    body = text.value;
    headers.set("Content-Type", "application/json");
  }
  return fetch(address(form), { method, headers, body, signal, credentials: "omit", cache: "no-store", redirect: "manual" });
}

function line(answer, took) {
  const said = document.createElement("p");
  const status = document.createElement("b");
  status.textContent = `${answer.status} ${answer.statusText}`.trim();
  said.append(status, ` in ${Math.round(took)} ms, ${answer.headers.get("Content-Type") ?? "without a body"}`);
  said.dataset.ok = answer.ok ? "yes" : "no";
  return said;
}

// Shows what has come so far: a stream is never whole.
async function show(answer, box) {
  const text = document.createElement("pre");
  text.tabIndex = 0;
  box.append(text);
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let whole = "";
  for (let part = await reader.read(); !part.done && whole.length < MOST; part = await reader.read()) {
    whole += part.value;
    text.textContent = whole.slice(0, MOST);
  }
  await reader.cancel();
  if (whole.length >= MOST) text.textContent += "\n… and more: the answer is cut here.";
  else if (answer.headers.get("Content-Type")?.startsWith("application/json")) text.textContent = JSON.stringify(JSON.parse(whole), null, 2);
}

async function send(form) {
  const box = form.querySelector(".answer"), stop = form.querySelector("[data-stop]");
  const ending = new AbortController(), begun = performance.now();
  const [button] = form.getElementsByTagName("button");
  const end = () => ending.abort();
  box.replaceChildren();
  button.disabled = true;
  stop.hidden = false;
  stop.addEventListener("click", end);
  try {
    const answer = await request(form, ending.signal);
    box.append(line(answer, performance.now() - begun));
    await show(answer, box);
  } catch (problem) {
    const said = document.createElement("p");
    said.dataset.ok = "no";
    said.textContent = problem.name === "AbortError" ? "Stopped." : `The service does not answer: ${problem.message}`;
    box.append(said);
  } finally {
    stop.removeEventListener("click", end);
    stop.hidden = true;
    button.disabled = false;
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.try")) return;
  event.preventDefault();
  send(event.target);
});

// A link to an operation opens it.
function opened() {
  const wanted = location.hash ? document.getElementById(location.hash.slice(1)) : null;
  if (wanted?.matches("details")) {
    wanted.open = true;
    wanted.scrollIntoView();
  }
}
addEventListener("hashchange", opened);
opened();
