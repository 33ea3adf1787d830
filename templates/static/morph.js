// Brings a part of the page to what the service says now, and leaves alone what has not changed: the focus, what
// somebody typed, what is unfolded, selected or scrolled stays as it is. Rows are known by their id or data-key.

const key = (node) => node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.key || "" : "";
const isSame = (old, fresh) => old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && key(old) === key(fresh);
const FIELDS = "input:not([type=hidden]), textarea, select";

function isTouched(field) { // somebody is at it, or has changed it
  if (field === document.activeElement) return true;
  if (field.matches("select")) return [...field.options].some((each) => each.selected !== each.defaultSelected);
  return field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
}

// What must not go now: somebody types in it, or is about to answer its question. It goes with a later change.
function isInUse(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return false;
  if (node.matches("details.press[open]") || node.querySelector("details.press[open]")) return true;
  return [node, ...node.querySelectorAll(FIELDS)].some((each) => each.matches(FIELDS) && isTouched(each));
}

function attributes(old, fresh) {
  const kept = old.matches("details, dialog") ? ["open"] : old.matches(FIELDS) && isTouched(old) ? ["value", "checked"] : [];
  for (const { name, value } of [...fresh.attributes]) {
    if (!kept.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!kept.includes(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
}

export function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.hasAttribute("data-keep")) return; // a script's own
  attributes(old, fresh);
  if (!old.isEqualNode(fresh)) children(old, fresh);
}

function children(old, fresh) {
  const wanted = new Set([...fresh.childNodes].map(key).filter(Boolean));
  let at = old.firstChild;
  const leave = () => { // behind what stands here: it is gone, or somebody is at it
    const next = at.nextSibling;
    if (!isInUse(at)) at.remove();
    at = next;
  };
  for (const each of [...fresh.childNodes]) {
    const named = key(each);
    while (at && key(at) && !wanted.has(key(at))) leave();
    if (at && isSame(at, each)) { morph(at, each); at = at.nextSibling; continue; }
    const known = named && [...old.children].find((one) => isSame(one, each));
    if (known) { (old.moveBefore ?? old.insertBefore).call(old, known, at); morph(known, each); continue; } // the first keeps the focus
    if (at && !named && !key(at) && at.nextSibling && isSame(at.nextSibling, each) && !isInUse(at)) { leave(); morph(at, each); at = at.nextSibling; continue; }
    old.insertBefore(document.importNode(each, true), at);
  }
  while (at) leave();
}
