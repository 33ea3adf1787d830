// Says in a corner what came of something, until it is put away: by its button, by Escape, or, if nobody is at it, by itself.

const STAYS = 12000; // milliseconds of what one did not ask for
const corner = document.getElementById("toasts");

function put(box, stays) {
  const away = document.createElement("button");
  away.type = "button"; away.className = "plain-button"; away.textContent = "Dismiss";
  away.addEventListener("click", () => leave(box));
  box.append(away);
  corner.append(box);
  if (!stays) return;
  const isAt = () => box.matches(":hover, :focus-within");
  const look = () => setTimeout(() => { if (isAt()) look(); else box.remove(); }, stays);
  look();
}
function leave(box) {
  const had = box.contains(document.activeElement);
  box.remove();
  if (had) document.getElementById("content").focus();
}

document.addEventListener("toast", ({ detail: { text, href, kind } }) => {
  const box = document.createElement("div"), said = document.createElement(href ? "a" : "span");
  box.className = "toast"; box.dataset.state = kind; box.setAttribute("role", "status");
  said.textContent = text;
  if (href) said.href = href;
  corner.append(box); // an empty one first: what comes into it is read out
  box.append(said);
  put(box, STAYS);
});

document.addEventListener("keydown", (event) => {
  const last = corner.lastElementChild;
  if (event.key === "Escape" && last && !document.querySelector("dialog[open]")) leave(last);
});

// What the last button did: the page says it, without any script in its text; here it becomes a toast.
const done = document.querySelector("p.notice[data-kind=done]");
if (done) {
  const address = new URL(location.href);
  address.searchParams.delete("done"); // a reload does not say it again
  history.replaceState(null, "", address);
  done.classList.add("toast");
  put(done, 0);
  done.focus();
}
