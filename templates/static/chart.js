// Reads a chart out under the pointer and by arrow keys. Points, links and the table are there without it.

for (const figure of document.querySelectorAll("figure.trend")) {
  const chart = figure.querySelector(".chart"), readout = figure.querySelector(".readout");
  const links = [...chart.querySelectorAll("a")];
  const places = links.map((link) => Number(link.querySelector(".reach").getAttribute("cx")));
  let last = null;
  const tell = (link) => {
    if (!link || link === last) return;
    last?.classList.remove("near"); link.classList.add("near"); last = link;
    readout.hidden = false;
    readout.textContent = link.querySelector("title").textContent;
  };
  const nearest = (event) => {
    const box = chart.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
    let best = 0;
    for (let each = 1; each < places.length; each += 1) if (Math.abs(places[each] - x) < Math.abs(places[best] - x)) best = each;
    return links[best];
  };
  chart.addEventListener("pointermove", (event) => tell(nearest(event)));
  chart.addEventListener("focusin", (event) => tell(event.target.closest("a")));
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = links[links.indexOf(document.activeElement) + step];
    if (step && next) { event.preventDefault(); next.focus(); }
  });
  // One stop of the tab key per chart; the arrows go on from there.
  links.forEach((link, number) => link.setAttribute("tabindex", number === links.length - 1 ? "0" : "-1"));
}
