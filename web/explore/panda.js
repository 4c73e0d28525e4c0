// A panda: one training run whose learning rate the reader turns while it trains. Softmax regression with momentum.
(() => {
  const { frame, path, line, spread, short } = dlnotesExplore;
  const m = 60, classes = 3, features = 3, stepsAtOnce = 5, most = 600;

  // Three overlapping clouds; one feature is six times as wide as the other, and the last is the constant 1.
  const a = spread(m), b = spread(m, 1000);
  const y = a.map((_, i) => i % classes);
  const X = y.map((c, i) => {
    const bell = (u) => Math.log(u / (1 - u)) * 0.5;
    return [6 * ([-1, 0, 1][c] + bell(a[i])), [0.8, -0.9, 0.5][c] + bell(b[i]), 1];
  });

  const zeros = () => Array.from({ length: features }, () => new Array(classes).fill(0));
  const start = () => ({ W: zeros(), v: zeros(), values: [], acts: [] });

  function lossAndSlope(W) {
    const slope = zeros();
    let loss = 0;
    X.forEach((x, i) => {
      const z = W[0].map((_, k) => x.reduce((sum, value, j) => sum + value * W[j][k], 0)), top = Math.max(...z);
      const total = z.reduce((sum, value) => sum + Math.exp(value - top), 0);
      loss += Math.log(total) - (z[y[i]] - top);
      z.forEach((value, k) => {
        const d = (Math.exp(value - top) / total - (k === y[i])) / m;
        x.forEach((entry, j) => { slope[j][k] += entry * d; });
      });
    });
    return [loss / m, slope];
  }

  function steps(run, rate, beta, count) {
    const last = run.acts.at(-1);
    if (!last || last.rate !== rate || last.beta !== beta) run.acts.push({ step: run.values.length, rate, beta, before: copy(run) });
    for (let n = 0; n < count && run.values.length < most; n++) {
      const slope = lossAndSlope(run.W)[1];
      run.v = run.v.map((row, j) => row.map((v, k) => beta * v + (1 - beta) * slope[j][k]));
      run.W = run.W.map((row, j) => row.map((w, k) => w - rate * run.v[j][k]));
      run.values.push(lossAndSlope(run.W)[0]);
    }
  }
  const copy = ({ W, v }) => ({ W: W.map((r) => [...r]), v: v.map((r) => [...r]) });

  dlnotesExplore.figures.panda = {
    title: "Tend one run: turn the learning rate while it trains",
    data: { X, y },
    knobs: [
      { name: "rate", label: "learning rate α", min: -3, max: 2, step: 0.1, value: -2, show: (r) => short(10 ** r) },
      { name: "beta", label: "momentum β", min: 0, max: 0.95, step: 0.05, value: 0.9, show: (v) => short(v) },
    ],
    start,
    buttons: [
      { label: "Train", stop: "Pause", every: 150, act(values, run) {
        steps(run, 10 ** values.rate, values.beta, stepsAtOnce);
        return run.values.length < most;
      } },
      { label: "Train 25 steps", act: (values, run) => steps(run, 10 ** values.rate, values.beta, 25) },
      { label: "Undo the last change", act(_, run) {
        const last = run.acts.pop();
        if (last) Object.assign(run, last.before, { values: run.values.slice(0, last.step) });
      } },
      { label: "Start again", act(_, run) { Object.assign(run, start()); } },
    ],
    compute: (_, run) => ({ values: run.values, acts: run.acts.map(({ step, rate, beta }) => ({ step, rate, beta })), guessing: Math.log(classes) }),
    draw({ values, acts, guessing }, _, width) {
      const height = 270, finite = values.filter(Number.isFinite);
      const plot = frame({ width, height, x: [0, Math.max(100, values.length)], y: [0.01, Math.max(3, ...finite), true], xlabel: "step", ylabel: "loss (log axis)" });
      const marks = acts.map(({ step }) => `<path class="line c" d="${path([[plot.X(step), plot.box.top], [plot.X(step), plot.box.bottom]])}"/>`).join("");
      const guess = plot.Y(guessing);
      return { height, svg: plot.svg + marks + `<path class="line c" d="${path([[plot.box.left, guess], [plot.box.right, guess]])}"/>` +
        `<text x="${plot.box.right}" y="${guess - 5}" text-anchor="end">guessing</text>` +
        line(plot, values.map((_, i) => i + 1), values.map((v) => (Number.isFinite(v) ? Math.max(v, 0.01) : 1e9)), "") };
    },
    say({ values, acts }) {
      if (!values.length) return "Nothing is trained yet. Train, look at the curve, turn the knobs, and undo what was a mistake.";
      const diary = acts.slice(-4).map(({ step, rate, beta }) => `from step ${step}: α = ${short(rate)}, β = ${short(beta)}`);
      const end = values.length >= most ? " The run is over: start again, or undo." : "";
      return `Loss ${short(values.at(-1))} after ${values.length} steps; the lowest was ${short(Math.min(...values))}. Diary, ${diary.join("; ")}.${end}`;
    },
  };
})();
