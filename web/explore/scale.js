// Draws of a momentum landing on three scales as the range's ends are moved, and by the notes' snippet beside them.
(() => {
  const { frame, dot, spread, short } = dlnotesExplore;
  const between = (a, b, u) => Math.exp(Math.log(a) * (1 - u) + Math.log(b) * u);
  const scales = [
    ["Uniform", (low, high, u) => low + (high - low) * u],
    ["LogUniform", (low, high, u) => between(low, high, u)],
    ["ReverseLogUniform", (low, high, u) => 1 - between(1 - low, 1 - high, u)],
    ["notes: 1 − 10^(−4·rand())", (low, high, u) => 1 - 10 ** (-4 * u)],
  ];

  dlnotesExplore.figures.scale = {
    title: "Where do 120 draws of the momentum β land?",
    knobs: [
      { name: "q", label: "lower end of the range", min: -1.6, max: -0.3, step: 0.1, value: -1, show: (q) => `β = ${short(1 - 10 ** q)}` },
      { name: "p", label: "upper end of the range", min: -4, max: -1.9, step: 0.1, value: -3, show: (p) => `β = ${short(1 - 10 ** p, 5)}` },
    ],
    // The knobs are the logarithms of 1 − low and 1 − high.
    compute({ p, q }) {
      const low = 1 - 10 ** q, high = 1 - 10 ** p, u = spread(120), middle = 1 - 10 ** ((p + q) / 2);
      const rows = scales.map(([name, ppf]) => {
        const values = u.map((v) => ppf(low, high, v));
        const inside = values.filter((v) => v >= low && v <= high).length / u.length;
        return { name, values, inside, upper: values.filter((v) => v >= middle && v <= high).length / u.length };
      });
      return { low, high, middle, u, rows };
    },
    draw({ low, high, rows }, _, width) {
      const height = 250, rest = (v) => Math.max(1 - v, 1e-5);
      const plot = frame({ width, height, x: [1, 1e-5, true], y: [rows.length, 0], xlabel: "1 − β, so that β grows to the right",
        names: rows.map(({ name, inside }, i) => [i + 0.22, width < 400 ? name : `${name}, ${Math.round(100 * inside)} % inside`]) });
      let svg = `<rect class="range" x="${plot.X(1 - low)}" width="${plot.X(1 - high) - plot.X(1 - low)}" ` +
        `y="${plot.box.top}" height="${plot.box.bottom - plot.box.top}"/>` + plot.svg;
      rows.forEach(({ values }, i) => values.forEach((v, j) => {
        svg += dot(plot.X(rest(v)), plot.Y(i + 0.42 + 0.4 * ((j * 0.754877666) % 1)), i === 3 ? "b faint" : "faint", 2.5);
      }));
      return { svg, height };
    },
    say({ low, high, middle, rows }) {
      const percent = (row) => `${Math.round(100 * row.upper)} %`;
      return `For β from ${short(low)} to ${short(high, 5)}, the half of the range with the longest memories begins at ` +
        `${short(middle, 4)}. An even scale puts ${percent(rows[0])} of the draws there, a log scale of β ${percent(rows[1])}, ` +
        `a log scale of 1 − β ${percent(rows[2])}. The notes' snippet does not know the range: ` +
        `${Math.round(100 * (1 - rows[3].inside))} % of its draws are outside.`;
    },
  };
})();
