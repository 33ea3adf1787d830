// What every page has: messages, keys, questions, moments. One file, so that a page is few requests; each part is by itself.

{
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
}

{
  // Keys that lead somewhere, and the list of them on `?`. They can be turned off there: who speaks to the page, or presses keys
  // without meaning to, needs none.

  const PLACES = { d: "/", p: "/pipelines", q: "/queue", b: "/builders" };
  const TOGETHER = 1500; // milliseconds between `g` and the letter
  const OFF = "rigline-keys-off";
  const list = document.getElementById("keys");
  const isOn = document.getElementById("keys-on");
  let goes = 0;

  const isOff = () => localStorage.getItem(OFF) === "1";
  const isTyping = (at) => at.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") !== null;

  isOn.checked = !isOff();
  isOn.addEventListener("change", () => { if (isOn.checked) localStorage.removeItem(OFF); else localStorage.setItem(OFF, "1"); });
  for (const each of document.querySelectorAll("[data-keys]")) { each.hidden = false; each.addEventListener("click", () => list.showModal()); }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isOff() || isTyping(event.target) || list.open) return;
    const goesNow = Date.now() - goes < TOGETHER;
    goes = 0;
    if (goesNow && PLACES[event.key]) { event.preventDefault(); location.href = PLACES[event.key]; }
    else if (event.key === "g") goes = Date.now();
    else if (event.key === "?") { event.preventDefault(); list.showModal(); }
    else if (event.key === "/") {
      const field = document.querySelector("main [type=search], main form[role=search] input");
      event.preventDefault();
      if (field) field.focus(); else location.href = "/pipelines";
    }
  });
}

{
  // Makes a question whose answer hurts a dialog: it has the keyboard, Escape leaves everything as it is, and the focus
  // goes back to the button. Without this script the question opens in its place.

  document.addEventListener("toggle", (event) => {
    const dialog = event.target.matches("details.press") ? event.target.querySelector(":scope > dialog") : null;
    if (!dialog || !event.target.open || dialog.matches(":modal")) return;
    dialog.removeAttribute("open"); // close() would say that it was answered
    dialog.showModal();
  }, true);
  document.addEventListener("close", (event) => {
    const around = event.target.parentElement;
    if (!around?.matches("details.press")) return;
    around.open = false;
    around.querySelector("summary").focus();
  }, true);
  document.addEventListener("click", (event) => {
    if (event.target.matches("dialog:modal")) event.target.close(); // beside the question
  });
  document.documentElement.dataset.script = "yes"; // the stylesheet shows what needs scripts
}

{
  // Writes moments by the reader's own clock, with UTC in the title. Without this script they are UTC.

  const FORMAT = { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  function local() {
    for (const time of document.querySelectorAll("time[data-clock]")) {
      const text = new Date(time.dateTime).toLocaleString([], FORMAT);
      if (time.textContent !== text) { time.title = time.dataset.clock; time.textContent = text; }
    }
  }
  local();
  const main = document.querySelector("main");
  if (main) new MutationObserver(local).observe(main, { childList: true, subtree: true, characterData: true });
}
