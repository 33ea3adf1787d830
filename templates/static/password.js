// Takes the code out of the address, where it stands behind the #: no server ever sees that part. Without this script it is typed.

const code = location.hash.slice(1), field = document.getElementById("code");
if (code && field) {
  field.value = code;
  history.replaceState(null, "", location.pathname);
}
