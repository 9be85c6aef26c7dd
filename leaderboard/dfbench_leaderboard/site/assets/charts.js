// Charts: what is nearest to the pointer, the finger or the arrow keys is read out.
"use strict";
(() => {
  const svgName = "http://www.w3.org/2000/svg";
  const readout = document.createElement("div");
  readout.className = "readout";
  readout.setAttribute("role", "status");
  let active = null; // what is read out: {stop, ring, aloud}
  let pointer = ""; // where it was: a page that scrolls below it is no movement

  // --- what there is in a chart ---

  // A chart's own title would cover what it shows; a mark's would come twice.
  function takeTitles(svg) {
    for (const title of [...svg.querySelectorAll("title")]) {
      const owner = title.parentNode;
      const link = owner === svg ? svg : owner.closest("a") || owner.querySelector("a");
      if (link) link.setAttribute("aria-label", title.textContent);
      if (owner !== svg) owner.dataset.tip = title.textContent;
      title.remove();
    }
  }

  // Stops: {group, box: [left, top, right, bottom] in the units of the drawing, text, element}.
  function stopsOf(svg) {
    const home = svg.getScreenCTM().inverse();
    const placed = (element, x, y) =>
      new DOMPoint(x, y).matrixTransform(home.multiply(element.getScreenCTM()));
    const stops = [];
    svg.querySelectorAll("polyline[data-at]").forEach((line, i) => {
      const group = i + 1;
      const at = line.dataset.at.split(",");
      at.forEach((threshold, j) => {
        if (!threshold) return;
        const point = line.points.getItem(j);
        const place = placed(line, point.x, point.y);
        stops.push({
          group, box: [place.x, place.y, place.x, place.y],
          text: () => pointText(svg, line, point, threshold),
        });
      });
    });
    for (const element of svg.querySelectorAll("[data-tip]")) {
      const size = element.getBBox();
      const a = placed(element, size.x, size.y);
      const b = placed(element, size.x + size.width, size.y + size.height);
      const box = [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y)];
      stops.push({ group: -1, box, element, text: () => element.dataset.tip });
    }
    return stops;
  }

  function pointText(svg, line, point, threshold) {
    const say = (axis, value) => `${svg.dataset[axis]} ${rate(svg, value)}`;
    const { name } = line.dataset;
    return `${name ? `${name}\n` : ""}${say("x", point.x)}, ${say("y", point.y)}\n` +
      `score ≥ ${threshold.replace(/^\./, "0.")}`;
  }

  function rate(svg, value) {
    if (svg.dataset.scale !== "probit") return `${(value / 10).toFixed(1)} %`;
    if (value <= -3090) return "≤ 0.1 %"; // the ends of the axes, in 1000ths of a deviate
    if (value >= 2326) return "≥ 99 %";
    return `${(100 * normal(value / 1000)).toFixed(1)} %`;
  }

  // The normal distribution (Abramowitz & Stegun 26.2.17, error below 1e-7).
  function normal(z) {
    const t = 1 / (1 + 0.2316419 * Math.abs(z));
    const tail = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) * t * (0.31938153 +
      t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    return z < 0 ? tail : 1 - tail;
  }

  // --- reading out ---

  const middle = ([left, top, right, bottom]) => [(left + right) / 2, (top + bottom) / 2];
  const spread = (box) => box[2] - box[0] + box[3] - box[1];

  // How far a point is from a box; within several, the smallest is the nearest.
  function distance([x, y], box) {
    const across = Math.max(box[0] - x, 0, x - box[2]);
    const down = Math.max(box[1] - y, 0, y - box[3]);
    return Math.hypot(across, down) + 1e-6 * spread(box);
  }

  function best(stops, cost) {
    let found = null, least = Infinity;
    for (const stop of stops) {
      const here = cost(stop);
      if (here < least) [found, least] = [stop, here];
    }
    return found;
  }

  function show(chart, stop, aloud) {
    hide();
    if (!stop) return;
    chart.last = stop;
    const [left, top, right, bottom] = stop.box;
    const ring = document.createElementNS(svgName, "rect");
    const around = spread(stop.box) < 16 ? 5 : 0;
    const size = {
      class: "here", x: left - around, y: top - around, rx: around || 2,
      width: right - left + 2 * around, height: bottom - top + 2 * around,
    };
    for (const [name, value] of Object.entries(size)) ring.setAttribute(name, value);
    chart.svg.append(ring);
    active = { stop, ring, aloud };
    readout.setAttribute("aria-live", aloud ? "polite" : "off");
    readout.textContent = stop.text();
    place();
  }

  // Above what is read out, else below it.
  function place() {
    if (!active) return;
    const box = active.ring.getBoundingClientRect(), own = readout.getBoundingClientRect();
    const x = Math.min(Math.max(box.left + box.width / 2 - own.width / 2, 4),
      document.documentElement.clientWidth - own.width - 4);
    const y = box.top - own.height - 8;
    readout.style.left = `${x}px`;
    readout.style.top = `${y > 4 ? y : box.bottom + 8}px`;
  }

  function hide() {
    if (active) active.ring.remove();
    active = null;
    readout.textContent = "";
  }

  // What the keys show, a pointer that leaves or finds nothing does not hide.
  function leave() {
    if (active && !active.aloud) hide();
  }

  // --- pointer and keys ---

  function step(chart, key) {
    const { stops, last } = chart;
    const line = stops.filter((stop) => stop.group === (last || stops[0]).group);
    if (key === "Home" || !last) return line[0];
    if (key === "End") return line[line.length - 1];
    const [x, y] = middle(last.box);
    if (key === "ArrowLeft" || key === "ArrowRight") {
      return line[line.indexOf(last) + (key === "ArrowRight" ? 1 : -1)] || last;
    }
    const sign = key === "ArrowDown" ? 1 : -1;
    const others = last.group < 0
      ? line.filter((stop) => sign * (middle(stop.box)[1] - y) > 0.5)
      : stops.filter((stop) => stop.group === last.group + sign);
    return best(others, (stop) => {
      const [across, down] = middle(stop.box);
      return Math.hypot(3 * (across - x), down - y);
    }) || last;
  }

  function start(svg) {
    takeTitles(svg);
    if (!svg.querySelector("[data-at], [data-tip]")) return;
    const chart = { svg, stops: null, last: null };
    const ready = () => { chart.stops = chart.stops || stopsOf(svg); };
    const point = (event) => {
      const at = `${event.type} ${event.clientX} ${event.clientY}`;
      if (at === pointer) return;
      pointer = at;
      ready();
      const here = new DOMPoint(event.clientX, event.clientY)
        .matrixTransform(svg.getScreenCTM().inverse());
      const far = (stop) => distance([here.x, here.y], stop.box);
      const nearest = best(chart.stops, far);
      if (!nearest || far(nearest) > 40) leave();
      else if (!active || active.stop !== nearest) show(chart, nearest, false);
    };
    svg.setAttribute("tabindex", "0");
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") leave();
    });
    svg.addEventListener("focusin", ({ target }) => {
      if (!target.matches(":focus-visible")) return;
      ready();
      const own = ({ element }) =>
        element && (element.contains(target) || target.contains(element));
      show(chart, target === svg ? chart.last || chart.stops[0] : chart.stops.find(own), true);
    });
    svg.addEventListener("focusout", hide);
    svg.addEventListener("keydown", (event) => {
      if (!/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key) || event.target !== svg) return;
      event.preventDefault();
      ready();
      show(chart, step(chart, event.key), true);
    });
  }

  document.body.append(readout);
  document.querySelectorAll("svg.plot").forEach(start);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("svg.plot")) hide();
  });
  addEventListener("scroll", place, { capture: true, passive: true });
})();
