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
