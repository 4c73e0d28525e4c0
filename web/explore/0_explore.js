// Figures to turn: a set of knobs, what the package's formulas give for them, a picture, and a sentence that says it.
// A `<div class="explore" data-figure="name">` becomes such a figure; without scripts it keeps the words that it holds.
// A figure is {title, knobs, buttons, start, compute, draw, say}. `compute` alone does arithmetic, and is tested.
const dlnotesExplore = { figures: {} };

(() => {
  const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const raised = (n) => String(n).replace("-", "⁻").replace(/\d/g, (d) => superscripts[d]);

  // A number for readers: few digits, and powers of ten where it is very small or large.
  function short(x, digits = 3) {
    if (x === 0) return "0";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : x < 0 ? "−∞" : "no number";
    const size = Math.floor(Math.log10(Math.abs(x)));
    if (size < -4 || size > 5) {
      const [mantissa, power] = x.toExponential(Math.max(0, digits - 2)).split("e");
      const factor = Number(mantissa) === 1 ? "" : `${mantissa.replace("-", "−")} · `;
      return `${factor}10${raised(Number(power))}`;
    }
    return String(Number(x.toPrecision(digits))).replace("-", "−");
  }

  // Even ticks for a linear axis, powers of ten for a logarithmic one.
  function ticks(low, high, log, most) {
    const found = [];
    if (log) {
      const ends = [Math.log10(low), Math.log10(high)];
      const first = Math.ceil(Math.min(...ends) - 1e-9), last = Math.floor(Math.max(...ends) + 1e-9);
      const step = Math.ceil((last - first + 1) / most);
      for (let p = first; p <= last; p += step) found.push([10 ** p, p === 0 ? "1" : `10${raised(p)}`]);
      return found;
    }
    const rough = (high - low) / most, ten = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((f) => f * ten).find((s) => s >= rough);
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push([i * step, short(i * step)]);
    return found;
  }

  // A plot's frame: where values lie in the picture, and its axes. `names` replaces the ticks of the y-axis by words.
  function frame({ width, top = 0, height, x, y, xlabel = "", ylabel = "", names = null, left = names ? 12 : 46 }) {
    const box = { left, right: width - 12, top: top + (ylabel ? 22 : 10), bottom: top + height - (xlabel ? 40 : 22) };
    const place = ([low, high, log], from, to) => (value) => {
      const part = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
      return from + Math.min(1.02, Math.max(-0.02, part)) * (to - from);
    };
    const X = place(x, box.left, box.right), Y = place(y, box.bottom, box.top);
    let svg = "";
    for (const [at, text] of ticks(...x.slice(0, 2), x[2], Math.max(3, Math.floor(width / 80)))) {
      svg += `<line class="grid" x1="${X(at)}" x2="${X(at)}" y1="${box.top}" y2="${box.bottom}"/>` +
        `<text x="${X(at)}" y="${box.bottom + 15}" text-anchor="middle">${text}</text>`;
    }
    for (const [at, text] of names ? [] : ticks(...y.slice(0, 2), y[2], Math.max(3, Math.floor(height / 45)))) {
      svg += `<line class="grid" x1="${box.left}" x2="${box.right}" y1="${Y(at)}" y2="${Y(at)}"/>` +
        `<text x="${box.left - 5}" y="${Y(at) + 4}" text-anchor="end">${text}</text>`;
    }
    for (const [at, text] of names || []) svg += `<text class="name" x="${box.left}" y="${Y(at)}">${text}</text>`;
    svg += `<text x="${(box.left + box.right) / 2}" y="${box.bottom + 33}" text-anchor="middle">${xlabel}</text>`;
    svg += `<text x="${names ? box.left : 2}" y="${top + 12}">${ylabel}</text>`;
    return { X, Y, box, svg };
  }

  const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
  const line = (plot, xs, ys, kind) =>
    `<path class="line ${kind}" d="${path(xs.map((x, i) => [plot.X(x), plot.Y(ys[i])]))}"/>`;
  const dot = (x, y, kind, r = 4) => `<circle class="dot ${kind}" cx="${x.toFixed(2)}" cy="${y.toFixed(2)}" r="${r}"/>`;
  // Numbers between 0 and 1 that fill the interval evenly, however many there are: multiples of the golden ratio.
  const spread = (n, from = 1) => Array.from({ length: n }, (_, i) => ((i + from) * 0.6180339887498949) % 1);

  Object.assign(dlnotesExplore, { short, frame, path, line, dot, spread, raised });

  // What the knobs of a figure say at first.
  dlnotesExplore.first = (name) =>
    Object.fromEntries(dlnotesExplore.figures[name].knobs.map((knob) => [knob.name, knob.value]));

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // Turns a div into its figure.
  dlnotesExplore.open = (div) => {
    const figure = dlnotesExplore.figures[div.dataset.figure];
    if (!figure || div.dataset.open) return;
    const id = `explore-${div.dataset.figure}`;
    const values = dlnotesExplore.first(div.dataset.figure);
    let memory = figure.start ? figure.start(values) : null, timer = 0;
    const picture = make("div", { class: "explore-picture" });
    const says = make("p", { class: "explore-says", "aria-live": "polite" });
    const knobs = make("div", { class: "explore-knobs" });
    const shows = [];

    function show() {
      const width = Math.max(200, Math.min(720, picture.clientWidth || 600));
      const result = figure.compute(values, memory);
      const { svg, height } = figure.draw(result, values, width);
      says.textContent = figure.say(result, values);
      picture.innerHTML = `<svg role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${svg}</svg>`;
      picture.firstChild.setAttribute("aria-label", `${figure.title}. ${says.textContent}`);
      for (const refresh of shows) refresh();
    }

    for (const knob of figure.knobs) {
      const control = `${id}-${knob.name}`;
      let input;
      if (knob.choices) {
        input = make("select", { id: control }, ...knob.choices.map(([value, text]) => make("option", { value }, text)));
      } else {
        input = make("input", { id: control, type: "range", min: knob.min, max: knob.max, step: knob.step });
      }
      input.value = values[knob.name];
      const output = make("output", { for: control });
      shows.push(() => {
        output.textContent = knob.show ? knob.show(values[knob.name], values) : "";
        if (!knob.choices) input.setAttribute("aria-valuetext", output.textContent);
      });
      input.addEventListener("input", () => {
        values[knob.name] = knob.choices ? input.value : Number(input.value);
        if (figure.turn) figure.turn(values, memory, knob.name);
        show();
      });
      knobs.append(make("div", { class: "explore-knob" }, make("label", { for: control }, knob.label), input, output));
    }
    for (const button of figure.buttons || []) {
      const element = make("button", { type: "button", class: "explore-button" }, button.label);
      element.addEventListener("click", () => {
        if (button.every) { // it goes on until it is pressed again
          const stop = () => { clearInterval(timer); timer = 0; element.textContent = button.label; };
          if (timer) return stop();
          element.textContent = button.stop;
          timer = setInterval(() => { if (button.act(values, memory) === false) stop(); show(); }, button.every);
          return;
        }
        memory = button.act(values, memory) || memory;
        show();
      });
      knobs.append(element);
    }
    div.replaceChildren(make("p", { class: "explore-title", id }, figure.title), knobs, picture, says);
    div.setAttribute("role", "group");
    div.setAttribute("aria-labelledby", id);
    div.dataset.open = "yes";
    show();
    let seen = picture.clientWidth;
    new ResizeObserver(() => { if (picture.clientWidth !== seen) { seen = picture.clientWidth; show(); } }).observe(picture);
  };

  if (typeof document !== "undefined") {
    const all = () => { for (const div of document.querySelectorAll(".explore[data-figure]")) dlnotesExplore.open(div); };
    if (document.readyState === "complete") all();
    else addEventListener("DOMContentLoaded", all);
  }
})();
