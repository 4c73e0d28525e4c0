// The V of a gradient check: the error of two difference quotients against the step h. +, −, × and ÷ alone, as in the
// chapter, and steps that are powers of two: so Python finds the same numbers to the last bit.
(() => {
  const { frame, line, dot, short, raised } = dlnotesExplore;
  const x = [0.5, -1.25, 2, 0.75, -0.3, 1.6, -2.1, 0.9], t = [1, -1, 1, 1, -1, -1, -1, 1];
  const points = [-0.7, -0.45, -0.2, 0.1, 0.3, 0.55, 0.8, 1.05, 1.3];

  function loss(w) {
    let sum = 0;
    for (let i = 0; i < x.length; i++) {
      const r = x[i] * w - t[i];
      sum += (r * r) / (1 + r * r);
    }
    return sum / x.length;
  }
  function slope(w) {
    let sum = 0;
    for (let i = 0; i < x.length; i++) {
      const r = x[i] * w - t[i], d = 1 + r * r;
      sum += (x[i] * (2 * r)) / (d * d);
    }
    return sum / x.length;
  }
  function error(way, h) { // the median over nine places
    const errors = points.map((w) => Math.abs(way(w, h) / slope(w) - 1)).sort((a, b) => a - b);
    return errors[4];
  }
  const oneSided = (w, h) => (loss(w + h) - loss(w)) / h;
  const central = (w, h) => (loss(w + h) - loss(w - h)) / (2 * h);
  const powers = Array.from({ length: 51 }, (_, i) => i - 50);
  const curves = (way) => powers.map((k) => error(way, 2 ** k));

  dlnotesExplore.figures.gradient = {
    title: "How small should the step h be?",
    knobs: [{ name: "k", label: "step h", min: -50, max: 0, step: 1, value: -10, show: (k) => `2${raised(k)} ≈ ${short(2 ** k, 2)}` }],
    compute({ k }) {
      const h = 2 ** k;
      return { h, h_all: powers.map((p) => 2 ** p), one_sided: curves(oneSided), central: curves(central),
        now: [error(oneSided, h), error(central, h)] };
    },
    draw({ h, h_all, one_sided, central: both, now }, _, width) {
      const height = 300, floor = (v) => Math.max(v, 1e-13);
      const plot = frame({ width, height, x: [1e-15, 1, true], y: [1e-13, 10, true], xlabel: "step h", ylabel: "relative error of the derivative" });
      return { height, svg: plot.svg +
        `<line class="now" x1="${plot.X(h)}" x2="${plot.X(h)}" y1="${plot.box.top}" y2="${plot.box.bottom}"/>` +
        line(plot, h_all, one_sided.map(floor), "b") + line(plot, h_all, both.map(floor), "") +
        dot(plot.X(h), plot.Y(floor(now[0])), "b", 5) + dot(plot.X(h), plot.Y(floor(now[1])), "", 5) +
        `<text x="${plot.box.left + 8}" y="${plot.box.bottom - 24}">dashed: one-sided</text>` +
        `<text x="${plot.box.left + 8}" y="${plot.box.bottom - 8}">solid: central</text>` };
    },
    say({ h, now, h_all, central: both }) {
      const best = h_all[both.indexOf(Math.min(...both))];
      const why = h > 16 * best ? "To the right of the foot the formula is at fault: it bends, and a smaller step helps."
        : h < best / 16 ? "To the left of the foot rounding is at fault: the difference has few digits left, and a smaller step hurts."
          : "This is the foot of the V: here the two errors are about equal.";
      return `With h = ${short(h, 2)} the central difference is off by ${short(now[1], 2)}, the one-sided one by ${short(now[0], 2)}. ${why}`;
    },
  };
})();
