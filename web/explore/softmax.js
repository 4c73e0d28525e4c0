// Softmax and its loss as the logits and the temperature slide.
(() => {
  const { frame, short } = dlnotesExplore;
  const names = ["a", "b", "c"];
  const logit = (name, value) => ({ name, label: `logit of class ${name}`, min: -4, max: 4, step: 0.1, value, show: (z) => short(z) });

  dlnotesExplore.figures.softmax = {
    title: "Three logits, their probabilities and the loss",
    knobs: [
      logit("a", 1), logit("b", 0), logit("c", -1),
      { name: "t", label: "temperature T", min: -1, max: 1, step: 0.05, value: 0, show: (t) => short(10 ** t) },
      { name: "y", label: "true class", choices: names.map((n) => [n, n]), value: "a" },
    ],
    compute({ a, b, c, t, y }) {
      const T = 10 ** t, z = [a / T, b / T, c / T], top = Math.max(...z);
      const total = z.reduce((sum, v) => sum + Math.exp(v - top), 0);
      const p = z.map((v) => Math.exp(v - top) / total), at = names.indexOf(y);
      const loss = Math.log(total) - (z[at] - top);
      return { T, p, at, loss, gradient: p.map((v, i) => (v - (i === at)) / T) };
    },
    draw({ p, at, gradient }, _, width) {
      const height = 250, half = width / 2;
      const left = frame({ width: half, height, x: [0, 3], y: [0, 1], ylabel: "probability", xlabel: "class" });
      const most = Math.max(1, ...gradient.map(Math.abs));
      const right = frame({ width: half, height, x: [0, 3], y: [-most, most], ylabel: "slope of the loss", xlabel: "class" });
      const bars = (plot, values) => values.map((v, i) => {
        const [from, to] = [plot.Y(0), plot.Y(v)];
        return `<rect class="bar ${i === at ? "b" : ""}" x="${plot.X(i + 0.2)}" width="${plot.X(0.8) - plot.X(0.2)}" ` +
          `y="${Math.min(from, to)}" height="${Math.abs(to - from)}"/>` +
          `<text x="${plot.X(i + 0.5)}" y="${plot.box.bottom + 15}" text-anchor="middle">${names[i]}${i === at ? " (true)" : ""}</text>`;
      }).join("");
      const bare = (plot) => plot.svg.replace(/<line class="grid" x1="([\d.]+)" x2="\1".*?<\/text>/g, "");
      return { height, svg: `${bare(left)}${bars(left, p)}<g transform="translate(${half} 0)">${bare(right)}${bars(right, gradient)}</g>` };
    },
    say({ T, p, at, loss, gradient }) {
      return `At temperature ${short(T)} the true class, ${names[at]}, has probability ${short(p[at])}, so the loss is ` +
        `−log ${short(p[at])} = ${short(loss)}. Its slope in the logits is (p − y)/T: ${gradient.map((g) => short(g)).join(", ")}; ` +
        "it adds up to 0.";
    },
  };
})();
