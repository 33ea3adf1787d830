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
