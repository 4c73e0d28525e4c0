// Buttons that run things in this browser: a chapter in JupyterLite, and on the page of claims each verdict's check.
// `dlnotesLab` says where Python comes from. Nothing is fetched before a button is pressed.
(() => {
  const here = new URL(".", document.currentScript.src);
  const runtime = new URL(dlnotesLab.runtime, here).href;
  const host = new URL(runtime).host || "this site";

  function make(tag, className, text) {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  }

  // Why Python cannot run here now, in a sentence; empty if it can.
  async function hindrance() {
    if (location.protocol === "file:") {
      return "This page was opened from a file, and browsers start no Python there: serve the folder " +
        "(python -m http.server) or use the site.";
    }
    if (typeof WebAssembly === "undefined" || typeof Worker === "undefined") return "This browser cannot run Python.";
    try {
      const answer = await fetch(runtime, { method: "HEAD", cache: "no-store" });
      if (!answer.ok) throw new Error(`answer ${answer.status}`);
      return "";
    } catch (error) {
      return `Python could not be fetched from ${host} (${error.message}). Is there a network? The page is whole without it.`;
    }
  }

  // A chapter: its button stands beside the download of its notebook.
  const download = document.querySelector("a[download$='.ipynb'], .download a[href$='.ipynb']");
  if (download) {
    const notebook = new URL(download.href).pathname.split("/").pop();
    const reason = dlnotesLab.chapters[notebook];
    if (reason) {
      download.after(make("span", "lab-note", `This page does not run in a browser: ${reason}.`));
    } else {
      const button = make("button", "lab-run", "Run this page in your browser");
      const note = make("span", "lab-note", "");
      button.type = "button";
      note.setAttribute("role", "status");
      button.addEventListener("click", async () => {
        button.disabled = true;
        note.textContent = "Looking for Python …";
        const problem = await hindrance();
        button.disabled = false;
        note.textContent = problem;
        if (!problem) location.href = new URL(`lab/notebooks/index.html?path=${encodeURIComponent(notebook)}`, here).href;
      });
      download.after(button, note);
    }
  }

  // The claims: one Python in a worker runs the checks, one after the other.
  let worker, number = 0;
  const waiting = new Map();

  function start() {
    worker = new Worker(new URL("lab-worker.js", here), { type: "module" });
    const wheels = dlnotesLab.wheels.map((path) => new URL(path, here).href);
    worker.postMessage({ runtime, wheels });
    worker.addEventListener("message", ({ data }) => {
      const entry = waiting.get(data.id);
      if (data.failed) {
        for (const { finish } of waiting.values()) finish({ error: data.failed });
        worker.terminate();
        worker = undefined;
      } else if (data.started) {
        entry.say("Running …");
      } else {
        entry.finish(data);
      }
    });
    worker.addEventListener("error", (event) => {
      for (const { finish } of waiting.values()) finish({ error: event.message || "the worker could not start" });
      worker = undefined;
    });
  }

  function check(claim, say) {
    if (!worker) start();
    const id = ++number;
    return new Promise((resolve) => {
      waiting.set(id, { say, finish: (answer) => { waiting.delete(id); resolve(answer); } });
      worker.postMessage({ id, claim });
    });
  }

  for (const row of document.querySelectorAll(".claims tr")) {
    const anchor = row.querySelector("td:first-child a[id]");
    const place = row.querySelector("td:nth-child(4)");
    if (!anchor || !place || !row.querySelector("a[href^='#check-']")) continue;
    const claim = anchor.id.toUpperCase();
    const reason = dlnotesLab.claims[claim];
    if (reason) {
      place.append(make("p", "lab-note", `Not in a browser: ${reason}.`));
      continue;
    }
    const button = make("button", "lab-run", "Check it now");
    const note = make("p", "lab-note", "");
    button.type = "button";
    button.setAttribute("aria-label", `Check ${claim} now, in this browser`);
    note.setAttribute("role", "status");
    button.addEventListener("click", async () => {
      button.disabled = true;
      note.textContent = worker ? "Waiting …" : "Starting Python (some 30 MB, once) …";
      const problem = worker ? "" : await hindrance();
      const answer = problem ? { error: problem } : await check(claim, (text) => { note.textContent = text; });
      if (answer.error) note.textContent = problem ? problem : `Did not pass here: ${answer.error}`;
      else note.textContent = `Passed here, in ${answer.seconds.toFixed(1)} s: ${answer.why}`;
      note.dataset.state = answer.error ? "failed" : "passed";
      button.disabled = false;
    });
    place.append(button, note);
  }
})();
