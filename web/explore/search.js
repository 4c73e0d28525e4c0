// A search stepped through: the guess with its band, what every place promises, and why the next trial goes where it goes.
(() => {
  const { frame, line, path, dot, short } = dlnotesExplore;
  const grid = Array.from({ length: 201 }, (_, i) => i / 200), first = [0.1, 0.5, 0.9], most = 24;
  const length = 0.12, noise = 0.01; // the shape of the guess, which the chapters learn from the trials
  const rules = [["expected improvement", 0], ["expected improvement", 0], ["the optimist's line, bound 1.5", 1.5], ["the optimist's line, bound 3", 3]];

  // Two valleys: the deeper one is narrow. What is searched for is unknown to the search.
  const valley = (u, middle, width) => 1 / (1 + ((u - middle) / width) ** 2);
  const objective = (u, where) => 1.2 - 0.75 * valley(u, 0.28, 0.16) - valley(u, where, 0.05) + 0.25 * u;

  // `calmed` of the package, without missing values: those worse than the median count by their logarithm.
  function calmed(values) {
    const n = values.length, sorted = [...values].sort((a, b) => a - b);
    const middle = (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2;
    let unit = middle - sorted[0];
    if (unit === 0) {
      const worse = sorted.filter((v) => v > middle), k = worse.length;
      if (k) unit = (worse[(k - 1) >> 1] + worse[k >> 1]) / 2 - middle;
    }
    unit = Math.max(unit, 1e-300);
    let y = values.map((v) => (Math.min(v, middle + 100 * unit) - middle) / unit).map((v) => (v > 0 ? Math.log1p(v) : v));
    const mean = y.reduce((a, b) => a + b, 0) / n;
    y = y.map((v) => v - mean);
    const size = Math.max(Math.sqrt(y.reduce((a, b) => a + b * b, 0) / n), 1e-12);
    return y.map((v) => v / size);
  }

  const likeness = (a, b) => 1 / (1 + ((a - b) / length) ** 2 / 2);

  function inverse(K) { // by Gauss-Jordan elimination
    const A = K.map((row) => [...row]), n = A.length;
    for (let i = 0; i < n; i++) {
      const pivot = A[i][i], row = A[i].map((v) => v / pivot), column = A.map((r) => r[i]);
      for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) A[j][k] -= column[j] * row[k];
      for (let j = 0; j < n; j++) A[j][i] = -column[j] / pivot;
      A[i] = row;
      A[i][i] = 1 / pivot;
    }
    return A;
  }

  // `Guess`: the mean and the deviation at places, and the lowest guess at a place that was tried.
  function guess(u, z) {
    const Q = inverse(u.map((a, i) => u.map((b, j) => likeness(a, b) + (i === j ? noise : 0))));
    const weights = Q.map((row) => row.reduce((sum, q, j) => sum + q * z[j], 0));
    const scale = Math.max(z.reduce((sum, v, i) => sum + v * weights[i], 0) / z.length, 1e-6);
    const mean = (c) => u.reduce((sum, a, i) => sum + likeness(a, c) * weights[i], 0);
    const deviation = (c) => {
      const k = u.map((a) => likeness(a, c));
      const known = k.reduce((sum, ki, i) => sum + ki * Q[i].reduce((s, q, j) => s + q * k[j], 0), 0);
      return Math.sqrt(scale * Math.max(1 - known, 1e-12));
    };
    return { mean: grid.map(mean), deviation: grid.map(deviation), best: Math.min(...u.map(mean)) };
  }

  // `hope`: the logarithm of the expected improvement, or the optimist's line.
  function hope(mean, deviation, best, bound) {
    if (bound) return bound * deviation - mean;
    const s = deviation * (Math.sqrt(3) / Math.PI), x = (best - mean) / s, e = Math.exp(-Math.abs(x));
    return Math.log(s) + Math.log(Math.max(x, 0) + (e < 1e-9 ? e : Math.log1p(e)) + 1e-300);
  }

  dlnotesExplore.figures.search = {
    title: "A search, one trial at a time",
    knobs: [
      { name: "where", label: "where the narrow valley is", min: 0.55, max: 0.95, step: 0.01, value: 0.71, show: (v) => short(v) },
      { name: "truth", label: "show what is being searched", choices: [["no", "no: guess along"], ["yes", "yes"]], value: "no" },
    ],
    start: () => ({ u: [...first] }),
    turn(_, memory, name) { if (name === "where") memory.u = [...first]; },
    buttons: [
      { label: "Run the next trial", act(values, memory) {
        if (memory.u.length < most) memory.u.push(dlnotesExplore.figures.search.compute(values, memory).next);
      } },
      { label: "Start again", act: () => ({ u: [...first] }) },
    ],
    compute({ where }, { u }) {
      const values = u.map((v) => objective(v, where)), z = calmed(values), { mean, deviation, best } = guess(u, z);
      const [rule, bound] = rules[u.length % rules.length];
      const promise = mean.map((m, i) => hope(m, deviation[i], best, bound));
      // as in the package, nothing is promised next to a trial
      const gap = 0.3 * Math.sqrt(noise) * length;
      const open = promise.map((v, i) => (u.some((a) => Math.abs(a - grid[i]) <= gap) ? -Infinity : v));
      const at = open.indexOf(Math.max(...open));
      return { u, values, z, grid, mean, deviation, best, rule, bound, promise: open, next: grid[at], at, truth: grid.map((c) => objective(c, where)) };
    },
    draw(r, { truth }, width) {
      const top = frame({ width, height: 210, x: [0, 1], y: [-3, 4], ylabel: "value, calmed: guess and two deviations" });
      const low = frame({ width, top: 222, height: 120, x: [0, 1], y: [0, 1.1], names: [], left: 46, ylabel: `promise: ${r.rule}`, xlabel: "hyperparameter, in unit coordinates" });
      const edge = (side) => r.grid.map((c, i) => [top.X(c), top.Y(r.mean[i] + side * 2 * r.deviation[i])]);
      let svg = top.svg + `<path class="band" d="${path([...edge(1), ...edge(-1).reverse()])}Z"/>` + line(top, r.grid, r.mean, "");
      if (truth === "yes") { // put where the trials' values lie, between the calmed values of its neighbours
        const known = r.values.map((v, i) => [v, r.z[i]]).sort((a, b) => a[0] - b[0]);
        const calm = (v) => {
          const j = Math.max(1, known.findIndex(([w]) => w >= v)), [a, b] = v > known.at(-1)[0] ? known.slice(-2) : [known[j - 1], known[j]];
          return a[1] + ((v - a[0]) / (b[0] - a[0] || 1)) * (b[1] - a[1]);
        };
        svg += line(top, r.grid, r.truth.map(calm), "c");
      }
      r.u.forEach((u, i) => { svg += dot(top.X(u), top.Y(r.z[i]), i === r.u.length - 1 && i >= first.length ? "b" : "", 4.5); });
      const finite = r.promise.filter(Number.isFinite), high = Math.max(...finite), bottom = Math.min(...finite);
      const shown = r.promise.map((v) => (Number.isFinite(v) ? (r.bound ? (v - bottom) / (high - bottom || 1) : Math.exp(v - high)) : 0));
      svg += low.svg + line(low, r.grid, shown, "b");
      svg += `<line class="now" x1="${top.X(r.next)}" x2="${top.X(r.next)}" y1="${top.box.top}" y2="${low.box.bottom}"/>`;
      return { height: 342, svg };
    },
    say({ u, values, next, mean, deviation, at, best, rule, bound }) {
      const found = `${u.length} trials; the best so far is ${short(Math.min(...values))}, at ${short(u[values.indexOf(Math.min(...values))])}. `;
      if (u.length >= most) return found + "That is enough: start again, or move the valley.";
      const place = `The next goes to ${short(next)}, by ${rule}: there the guess is ${short(mean[at], 2)} ± ${short(deviation[at], 2)}, `;
      return found + place + (bound ? `so that it may be as low as ${short(mean[at] - bound * deviation[at], 2)}.`
        : `and the best of the guesses at a trial is ${short(best, 2)}.`);
    },
  };
})();
