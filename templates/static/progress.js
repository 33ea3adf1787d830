// Lets a running job's times go on between two looks at the service. Without this script they are those of the page.

const seen = new WeakMap(); // section → its numbers, and when they came

function duration(seconds) {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds), minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
function tell(section, passed) {
  const { seconds, left, expected } = section.dataset;
  const spent = Number(seconds) + passed, words = section.querySelector("[data-words]");
  const row = section.querySelector("tr[data-began]");
  if (row) {
    const took = Number(row.dataset.began) + passed;
    row.querySelector("[data-took]").textContent = duration(took);
    if (row.dataset.scale) row.querySelector("rect").setAttribute("width", Math.min(100, 100 * took / Number(row.dataset.scale)));
  }
  if (expected === undefined) { words.textContent = `${duration(spent)} so far`; return; }
  const still = Math.max(0, Number(left) - passed), over = spent - Number(expected);
  section.querySelector("progress").value = Math.min(0.99, spent / (spent + still || 1));
  words.textContent = over > 0 ? `${duration(spent)} so far, ${duration(over)} longer than usual` : `${duration(spent)} so far, about ${duration(still)} left`;
}
setInterval(() => {
  for (const section of document.querySelectorAll("[data-progress]")) {
    const { seconds } = section.dataset;
    if (seen.get(section)?.seconds !== seconds) seen.set(section, { seconds, at: performance.now() });
    tell(section, (performance.now() - seen.get(section).at) / 1000);
  }
}, 1000);
