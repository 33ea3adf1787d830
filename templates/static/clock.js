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
