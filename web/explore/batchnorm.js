// Batch norm of one unit as the shift, the scale, the batch and eps slide. One example stays: what becomes of it?
(() => {
  const { frame, dot, spread, short } = dlnotesExplore;

  dlnotesExplore.figures.batchnorm = {
    title: "One unit, one mini-batch: z before, ẑ after",
    knobs: [
      { name: "shift", label: "shift of z", min: -10, max: 10, step: 0.5, value: 3, show: (v) => short(v) },
      { name: "scale", label: "scale of z", min: -4, max: 1, step: 0.1, value: 0, show: (v) => short(10 ** v) },
      { name: "m", label: "batch size m", min: 2, max: 64, step: 1, value: 8, show: (v) => String(v) },
      { name: "eps", label: "ε", min: -8, max: 0, step: 0.25, value: -5, show: (v) => short(10 ** v) },
    ],
    start: () => ({ batch: 0 }),
    buttons: [{ label: "Another batch with the same first example", act: (_, memory) => { memory.batch += 1; } }],
    compute({ shift, scale, m, eps }, memory) {
      // The others of the batch: draws of a logistic distribution of deviation 1. The first example is one deviation up.
      const others = spread(m - 1, 1 + 100 * (memory ? memory.batch : 0)).map((u) => (Math.log(u / (1 - u)) * Math.sqrt(3)) / Math.PI);
      const z = [1, ...others].map((v) => shift + 10 ** scale * v), e = 10 ** eps;
      const mu = z.reduce((a, b) => a + b, 0) / m, variance = z.reduce((a, b) => a + (b - mu) ** 2, 0) / m;
      const xhat = z.map((v) => (v - mu) / Math.sqrt(variance + e));
      return { z, mu, variance, eps: e, xhat, left: variance / (variance + e) };
    },
    draw({ z, xhat }, _, width) {
      const height = 215, reach = Math.max(12, ...z.map(Math.abs));
      const row = (values, range, top, label) => {
        const plot = frame({ width, top, height: 105, x: range, y: [0, 1], names: [], ylabel: label });
        return plot.svg + values.map((v, i) => [v, i]).reverse().map(([v, i]) =>
          dot(plot.X(v), plot.Y(0.25 + 0.5 * ((i * 0.754877666) % 1)), i ? "faint" : "b", i ? 4 : 6.5)).join("");
      };
      return { height, svg: row(z, [-reach, reach], 0, "z, what the layer computed") + row(xhat, [-4, 4], 105, "ẑ, what is passed on") };
    },
    say({ z, mu, variance, xhat, left }) {
      return `The batch has mean ${short(mu)} and deviation ${short(Math.sqrt(variance))}. The first example (large dot), ` +
        `z = ${short(z[0], 4)}, becomes ${short(xhat[0])}. The variance of ẑ is ${short(left)}: ` +
        (left > 0.99 ? "ε is too small to be felt." : left > 0.5 ? "ε takes something away." : "ε rules, and the unit is all but silenced.");
    },
  };
})();
