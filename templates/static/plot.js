// Takes over the chart of a benchmark page: zoom, pan, a readout by pointer and keys. The view lives in the query string, in
// `from`, `to` (beginnings of hashes) and `hide` (ids of series). Without this script the same chart, links and table are there.

const SHA = 8, EDGE = { left: 66, right: 30, top: 16, bottom: 34 }, HEIGHT = 330, DENSE = 200, QUIET_MS = 350;
const TONES = ["worse", "better", "moved"];

/** The points as the page brought them: typed columns, NaN where nothing was measured. */
function read(text) {
  const raw = JSON.parse(text), count = raw.sha.length / SHA;
  let day = 0;
  const days = raw.days.split(",").map((each) => (day += Number(each)));
  const series = raw.series.map((each) => ({
    ...each,
    values: Float64Array.from(each.values.split(","), (value) => (value === "" ? NaN : Number(value))),
  }));
  return { ...raw, count, days, series, hashes: Array.from({ length: count }, (_, at) => raw.sha.slice(at * SHA, at * SHA + SHA)) };
}

/** The window and what is hidden, as the query string says; a link made here says it in the same words again. */
class View {
  constructor(points) {
    this.points = points;
    const query = new URLSearchParams(location.search);
    this.hidden = new Set((query.getAll("hide").join(",").match(/\d+/g) ?? []).map(Number));
    [this.first, this.last] = [points.first, points.last];
  }
  get width() { return this.last - this.first; }
  get isWhole() { return this.first === 0 && this.last === this.points.count - 1; }
  show(first, last) {
    const most = this.points.count - 1, width = Math.min(most, Math.max(Math.min(2, most), Math.round(last - first)));
    this.first = Math.min(Math.max(0, Math.round(first)), most - width);
    this.last = this.first + width;
  }
  zoom(factor, around) {
    const width = this.width * factor, share = this.width ? (around - this.first) / this.width : 0.5;
    this.show(around - width * share, around - width * share + width);
  }
  /** Write the view into a query string and leave everything else in it byte for byte as it was. */
  written(search) {
    const rest = search.replace(/^\?/, "").split("&").filter((pair) => pair && !/^(from|to|hide|rows)=/.test(pair));
    if (!this.isWhole) rest.push(`from=${this.points.hashes[this.first]}`, `to=${this.points.hashes[this.last]}`);
    if (this.hidden.size) rest.push(`hide=${[...this.hidden].sort((one, other) => one - other).join(",")}`);
    return rest.length ? `?${rest.join("&")}` : location.pathname;
  }
}

const day = (days, more) => new Date(days * 86400000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC", ...more });
const isThere = (value) => value === value; // NaN is not equal to itself

function ticks(lowest, highest) {
  if (highest - lowest <= Math.abs(highest) * 1e-9) {
    const room = Math.abs(highest) * 0.05 || 1;
    [lowest, highest] = [lowest - room, highest + room];
  }
  const rough = (highest - lowest) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * (1 - 1e-9));
  const first = Math.floor(lowest / step), last = Math.ceil(highest / step);
  return Array.from({ length: last - first + 1 }, (_, number) => (first + number) * step);
}

/** As the tables write numbers: four significant digits, thin spaces between thousands. */
function amount(value) {
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-6)) return value.toExponential(3).replace("-", "−");
  const digits = size ? Math.max(0, 3 - Math.floor(Math.log10(size))) : 0;
  const [whole, rest = ""] = value.toFixed(Math.min(digits, 20)).split(".");
  const kept = rest.replace(/0+$/, "");
  return (whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (kept ? `.${kept}` : "")).replace("-", "−");
}

/** Draws a view on a canvas: of each series at most one bar per column of pixels. */
class Canvas {
  constructor(figure, points) {
    this.points = points;
    this.element = document.createElement("canvas");
    this.context = this.element.getContext("2d");
    this.figure = figure;
    this.looks();
  }
  looks() {
    const style = getComputedStyle(this.figure), value = (name) => style.getPropertyValue(name).trim();
    this.ink = { ink: value("--ink"), quiet: value("--quiet"), grid: value("--line-soft"), paper: value("--paper"), accent: value("--accent") };
    for (const tone of TONES) this.ink[tone] = value(tone === "moved" ? "--awaiting_approval" : `--${tone}`);
    this.colours = this.points.series.map((_, number) => value(`--s${number}`));
    this.dashes = this.points.series.map((_, number) => value(`--dash${number}`).split(" ").map(Number).filter((each) => each > 0));
    this.font = style.fontFamily;
  }
  resize() {
    const wide = this.element.clientWidth, ratio = Math.min(devicePixelRatio || 1, 2);
    [this.wide, this.tall] = [wide, wide < 500 ? 260 : HEIGHT];
    this.element.style.height = `${this.tall}px`;
    [this.element.width, this.element.height] = [Math.round(wide * ratio), Math.round(this.tall * ratio)];
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }
  x(at) { return EDGE.left + (this.wide - EDGE.left - EDGE.right) * (this.view.width ? (at - this.view.first) / this.view.width : 0.5); }
  y(value) { return EDGE.top + (this.tall - EDGE.top - EDGE.bottom) * (1 - (value - this.floor) / (this.ceiling - this.floor)); }
  at(x) { return this.view.first + ((x - EDGE.left) / (this.wide - EDGE.left - EDGE.right)) * this.view.width; }
  draw(view, focus, selection) {
    this.view = view;
    const context = this.context, shown = this.points.series.map((each, number) => [each, number]).filter(([each]) => !view.hidden.has(each.id));
    context.clearRect(0, 0, this.wide, this.tall);
    const columns = shown.map(([each]) => this.columns(each.values));
    this.scale(columns);
    this.axes();
    context.save();
    context.beginPath();
    context.rect(EDGE.left - 6, 0, this.wide - EDGE.left - EDGE.right + 12, this.tall);
    context.clip();
    shown.forEach(([each, number]) => this.bands(each, number));
    this.marks(view);
    shown.forEach(([each, number], place) => this.line(each, number, columns[place]));
    if (selection) this.selection(selection);
    context.restore();
    this.letters(shown);
    if (focus) this.focus(focus);
  }
  /** What is drawn of a series: single points where there is room, else the least and largest value of each column of pixels. */
  columns(values) {
    const { first, last } = this.view, wide = Math.max(1, this.wide - EDGE.left - EDGE.right);
    const from = Math.max(0, first - 1), to = Math.min(values.length - 1, last + 1), each = (last - first + 1) / wide;
    const found = [];
    if (each <= 0.5) {
      for (let at = from; at <= to; at += 1) if (isThere(values[at])) found.push({ at, low: values[at], high: values[at] });
      return { found, step: 0 };
    }
    const step = each < 1 ? 2 : 1, count = step * each;
    for (let column = 0; column * step < wide; column += 1) {
      let low = Infinity, high = -Infinity;
      for (let at = Math.ceil(first + column * count); at <= Math.min(last, first + (column + 1) * count); at += 1) {
        if (values[at] < low) low = values[at];
        if (values[at] > high) high = values[at];
      }
      if (low <= high) found.push({ at: column * step, low, high });
    }
    return { found, step };
  }
  scale(columns) {
    let lowest = Infinity, highest = -Infinity;
    for (const { found, step } of columns) {
      for (const { at, low, high } of found) {
        if (!step && (at < this.view.first || at > this.view.last)) continue;
        if (low < lowest) lowest = low;
        if (high > highest) highest = high;
      }
    }
    if (lowest > highest) [lowest, highest] = [0, 1];
    if (this.points.cap !== null) [lowest, highest] = [Math.min(lowest, this.points.cap), Math.max(highest, this.points.cap)];
    this.rows = ticks(lowest, highest);
    [this.floor, this.ceiling] = [this.rows[0], this.rows.at(-1)];
  }
  axes() {
    const { context } = this, right = this.wide - EDGE.right;
    context.font = `12px ${this.font}`; context.lineWidth = 1; context.setLineDash([]);
    for (const row of this.rows) {
      const y = Math.round(this.y(row)) + 0.5;
      context.strokeStyle = this.ink.grid; context.beginPath(); context.moveTo(EDGE.left, y); context.lineTo(right, y); context.stroke();
      context.fillStyle = this.ink.quiet; context.textAlign = "right"; context.fillText(amount(row), EDGE.left - 8, y + 4);
    }
    if (this.points.cap !== null) {
      const y = this.y(this.points.cap);
      context.strokeStyle = this.ink.quiet; context.setLineDash([5, 4]); context.beginPath(); context.moveTo(EDGE.left, y); context.lineTo(right, y); context.stroke();
      context.setLineDash([]); context.fillText(`cap ${amount(this.points.cap)}`, right, y - 4);
    }
    const most = Math.max(1, Math.floor((this.wide - EDGE.left) / 150)), stride = Math.max(1, Math.ceil((this.view.width + 1) / most));
    context.textAlign = "center"; context.font = "12px ui-monospace, monospace";
    for (let at = this.view.first; at <= this.view.last; at += stride) {
      if (this.x(at) < right - 40) context.fillText(`${this.points.hashes[at].slice(0, 7)} ${day(this.points.days[at], {})}`, Math.max(this.x(at), EDGE.left + 30), this.tall - 12);
    }
  }
  bands(series, number) {
    const { context } = this;
    context.fillStyle = context.strokeStyle = this.colours[number]; context.setLineDash([]);
    for (const [first, last, value, low, high] of series.levels) {
      if (last < this.view.first || first > this.view.last) continue;
      const [left, right] = [this.x(first), this.x(last)], top = Math.max(this.y(high), EDGE.top), bottom = Math.min(this.y(low), this.tall - EDGE.bottom);
      context.globalAlpha = 0.1; context.fillRect(left, top, right - left, Math.max(0, bottom - top));
      context.globalAlpha = 0.55; context.lineWidth = 1; context.beginPath(); context.moveTo(left, this.y(value)); context.lineTo(right, this.y(value)); context.stroke();
    }
    context.globalAlpha = 1;
  }
  line(series, number, { found, step }) {
    const { context } = this;
    context.strokeStyle = context.fillStyle = this.colours[number]; context.lineWidth = 1.6; context.lineJoin = "round";
    if (step) { this.bars(found, step); return; }
    context.setLineDash(this.dashes[number]);
    context.beginPath();
    for (const { at, low } of found) context.lineTo(this.x(at), this.y(low));
    context.stroke();
    context.setLineDash([]);
    if (this.view.width >= DENSE) return;
    for (const { at, low } of found) this.dot(this.x(at), this.y(low), 2.6);
    context.globalAlpha = 0.5;
    for (const [at, samples] of Object.entries(series.samples)) for (const value of samples) this.dot(this.x(Number(at)), this.y(value), 1.5);
    context.globalAlpha = 1;
  }
  /** Columns as upright bars that touch their neighbours: whole pixels, a tenth of what a stroke with joints costs. */
  bars(found, step) {
    let [top, bottom] = [null, null];
    for (const { at, low, high } of found) {
      const [up, down] = [Math.round(this.y(high)), Math.round(this.y(low)) + 1];
      const from = bottom === null ? up : Math.min(up, bottom), to = top === null ? down : Math.max(down, top);
      this.context.fillRect(EDGE.left + at, from, step, Math.max(2, to - from));
      [top, bottom] = [up, down];
    }
  }
  dot(x, y, radius) { this.context.beginPath(); this.context.arc(x, y, radius, 0, 2 * Math.PI); this.context.fill(); }
  marks(view) {
    const { context } = this;
    for (const each of this.points.remarks) this.upright(each.at, this.ink.quiet);
    for (const each of this.points.marks) {
      if (view.hidden.has(this.points.series[each.series].id) || each.at < view.first || each.at > view.last) continue;
      this.upright(each.at, this.ink[each.tone]);
      const x = this.x(each.at), y = this.y(each.value), up = { worse: -1, better: 1, moved: -1 }[each.tone];
      context.beginPath(); context.moveTo(x, y + 9 * up); context.lineTo(x + 7, y - 3 * up); context.lineTo(x - 7, y - 3 * up);
      context.closePath(); context.fill();
    }
  }
  upright(at, colour) {
    const { context } = this, x = Math.round(this.x(at)) + 0.5;
    context.strokeStyle = context.fillStyle = colour; context.lineWidth = 1; context.setLineDash([2, 3]);
    context.beginPath(); context.moveTo(x, EDGE.top); context.lineTo(x, this.tall - EDGE.bottom); context.stroke(); context.setLineDash([]);
  }
  letters(shown) {
    const { context } = this;
    context.font = `600 13px ${this.font}`; context.textAlign = "left";
    const ends = shown.map(([each, number]) => {
      let at = this.view.last;
      while (at >= this.view.first && !isThere(each.values[at])) at -= 1;
      return at < this.view.first ? null : { number, letter: each.letter, y: this.y(each.values[at]) };
    }).filter(Boolean).sort((one, other) => one.y - other.y);
    let lowest = -20;
    for (const each of ends) {
      lowest = Math.max(each.y, lowest + 14);
      context.fillStyle = this.colours[each.number]; context.fillText(each.letter, this.wide - EDGE.right + 8, lowest + 4);
    }
  }
  selection([from, to]) { this.context.fillStyle = this.ink.accent; this.context.globalAlpha = 0.15; this.context.fillRect(Math.min(from, to), EDGE.top, Math.abs(to - from), this.tall - EDGE.top - EDGE.bottom); this.context.globalAlpha = 1; }
  focus({ series, at }) {
    const { context } = this, x = this.x(at), y = this.y(this.points.series[series].values[at]);
    this.upright(at, this.ink.quiet);
    context.fillStyle = this.ink.paper; this.dot(x, y, 6);
    context.strokeStyle = this.colours[series]; context.lineWidth = 2.5; context.beginPath(); context.arc(x, y, 5, 0, 2 * Math.PI); context.stroke();
  }
}

/** One figure: its canvas, its view, what has the focus, and the keys and gestures that change them. */
class Plot {
  constructor(figure) {
    this.figure = figure;
    this.readout = figure.querySelector(".readout");
    this.points = read(figure.querySelector(".points").textContent);
    this.view = new View(this.points);
    this.start = [this.view.first, this.view.last];
    this.canvas = new Canvas(figure, this.points);
    this.focus = null; this.selection = null; this.frame = 0; this.timer = 0;
    const box = this.canvas.element;
    box.className = "plot-canvas"; box.tabIndex = 0;
    box.setAttribute("role", "application"); box.setAttribute("aria-roledescription", "chart"); box.setAttribute("aria-label", figure.querySelector(".plot-svg").getAttribute("aria-label"));
    figure.querySelector(".plot-svg").replaceWith(box);
    figure.querySelector(".keys").hidden = false;
    this.listen(box);
    this.canvas.resize();
    this.draw();
    figure.dataset.ready = "yes";
  }
  listen(box) {
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("pointerdown", (event) => { if (event.button === 0) { box.setPointerCapture(event.pointerId); this.selection = [event.offsetX, event.offsetX]; } });
    box.addEventListener("pointermove", (event) => this.point(event));
    box.addEventListener("pointerup", () => this.select());
    box.addEventListener("pointercancel", () => { this.selection = null; this.later(); });
    box.addEventListener("dblclick", () => this.reset());
    new ResizeObserver(() => { this.canvas.resize(); this.draw(); }).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.canvas.looks(); this.later(); });
    for (const link of this.figure.querySelectorAll(".toggle")) link.addEventListener("click", (event) => this.toggle(event, link));
    addEventListener("popstate", () => location.reload());
  }
  later() { this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.draw(); }); }
  draw() { this.canvas.draw(this.view, this.focus, this.selection); }
  point(event) {
    if (this.selection) { this.selection[1] = event.offsetX; this.later(); return; }
    const at = Math.round(this.canvas.at(event.offsetX));
    let best = null;
    this.points.series.forEach((each, number) => {
      if (this.view.hidden.has(each.id) || !isThere(each.values[at] ?? NaN)) return;
      const away = Math.abs(this.canvas.y(each.values[at]) - event.offsetY);
      if (!best || away < best.away) best = { series: number, at, away };
    });
    if (best) this.look(best);
  }
  select() {
    const [from, to] = this.selection ?? [0, 0];
    this.selection = null;
    if (Math.abs(to - from) >= 8) this.change(() => this.view.show(this.canvas.at(Math.min(from, to)), this.canvas.at(Math.max(from, to))));
    else { this.canvas.element.focus(); this.later(); }
  }
  look(focus) {
    if (this.focus?.at === focus.at && this.focus?.series === focus.series) return;
    this.focus = focus;
    this.readout.textContent = this.told(focus);
    this.later();
  }
  told({ series, at }) {
    const each = this.points.series[series], date = day(this.points.days[at], { year: "numeric" });
    const shift = this.points.marks.find((mark) => mark.series === series && mark.at === at)?.text;
    const remarks = this.points.remarks.filter((remark) => remark.at === at).map((remark) => remark.text);
    return [`${each.letter}: ${amount(each.values[at])} ${this.points.unit} at ${this.points.hashes[at]}, ${date}`, shift, ...remarks].filter(Boolean).join(" · ");
  }
  /** The nearest measured commit of the focused series, a step away. */
  walk(step) {
    const series = this.focus?.series ?? this.points.series.findIndex((each) => !this.view.hidden.has(each.id));
    if (series < 0) return;
    const { values } = this.points.series[series], way = Math.sign(step);
    let at = this.focus ? this.focus.at + step : this.view.last;
    at = Math.min(Math.max(at, 0), this.points.count - 1);
    while (at >= 0 && at < this.points.count && !isThere(values[at])) at += this.focus ? way : -1;
    if (at < 0 || at >= this.points.count) return;
    if (!this.view.isWhole && this.focus) this.pan(at);
    this.look({ series, at });
  }
  /** Keep the focused commit in the middle of a part, so that walking moves the part along. */
  pan(at) {
    const first = Math.round(at - this.view.width / 2);
    this.change(() => this.view.show(first, first + this.view.width));
  }
  change(how) { how(); this.later(); clearTimeout(this.timer); this.timer = setTimeout(() => this.keep(), QUIET_MS); }
  other(step) {
    const shown = this.points.series.map((_, number) => number).filter((number) => !this.view.hidden.has(this.points.series[number].id));
    if (!this.focus || !shown.length) return this.walk(-1);
    const series = shown[(shown.indexOf(this.focus.series) + step + shown.length) % shown.length], { values } = this.points.series[series];
    for (let away = 0; away < this.points.count; away += 1) {
      for (const at of [this.focus.at - away, this.focus.at + away]) if (isThere(values[at] ?? NaN)) return this.look({ series, at });
    }
  }
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = this.focus?.at ?? (this.view.first + this.view.last) / 2, far = Math.max(1, Math.round(this.view.width / 10));
    const acts = {
      ArrowLeft: () => this.walk(event.shiftKey ? -far : -1), ArrowRight: () => this.walk(event.shiftKey ? far : 1),
      ArrowUp: () => this.other(-1), ArrowDown: () => this.other(1),
      "+": () => this.change(() => this.view.zoom(0.5, middle)), "=": () => this.change(() => this.view.zoom(0.5, middle)),
      "-": () => this.change(() => this.view.zoom(2, middle)), Escape: () => this.reset(),
      Enter: () => { if (this.focus) location.assign(`/pipelines?commit=${this.points.hashes[this.focus.at]}`); },
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }
  reset() { this.change(() => this.view.show(0, this.points.count - 1)); }
  toggle(event, link) {
    event.preventDefault();
    const id = Number(link.dataset.series), { hidden } = this.view;
    if (!hidden.delete(id)) hidden.add(id);
    if (this.focus && hidden.has(this.points.series[this.focus.series].id)) this.focus = null;
    link.textContent = hidden.has(id) ? "show" : "hide";
    link.setAttribute("aria-label", `${hidden.has(id) ? "Show" : "Hide"} series ${this.points.series.find((each) => each.id === id).letter}`);
    link.closest("li").toggleAttribute("data-hidden", hidden.has(id));
    this.change(() => {});
  }
  /** Write the view into the address, then let the service say the rest again: table, links, single samples. */
  async keep() {
    const address = this.view.written(location.search);
    if (address === location.search || (!location.search && address === location.pathname)) return;
    history.replaceState(null, "", address);
    const asked = location.href;
    try {
      const answer = await fetch(asked, { headers: { Accept: "text/html" } });
      if (!answer.ok || location.href !== asked) return;
      this.take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* away for a moment: chart and address are right all the same */ }
  }
  take(fresh) {
    for (const part of ["#rows", ".plot-tools nav", "footer", ".facets"]) {
      const [now, then] = [fresh.querySelector(part), document.querySelector(part)];
      if (!now || !then) continue;
      const open = then.querySelector("details.values")?.open;
      then.replaceWith(now);
      if (open !== undefined && now.querySelector("details.values")) now.querySelector("details.values").open = open;
    }
    const points = fresh.querySelector("#plot .points");
    if (points) JSON.parse(points.textContent).series.forEach((each, number) => { this.points.series[number].samples = each.samples; });
    this.figure.dataset.kept = location.search;
    this.later();
  }
}

for (const figure of document.querySelectorAll("figure.plot")) if (figure.querySelector(".points")) {
  figure.plot = new Plot(figure);
  performance.mark("chart ready");
}
