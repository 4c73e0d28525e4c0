// Runs the checks of claims with Pyodide, away from the page so that it stays responsive.
let ready;

async function start({ runtime, wheels }) {
  const { loadPyodide } = await import(runtime);
  const python = await loadPyodide({ indexURL: new URL(".", runtime).href });
  await python.loadPackage(["numpy", "scipy", "scikit-learn"], { messageCallback: () => {} });
  for (const wheel of wheels) {
    const answer = await fetch(wheel);
    if (!answer.ok) throw new Error(`${wheel}: ${answer.status}`);
    python.unpackArchive(await answer.arrayBuffer(), "wheel");
  }
  python.runPython(`
import time, tomllib, warnings
from importlib.resources import files
warnings.simplefilter("ignore")
ledger = tomllib.loads((files("dlnotes")/"recorded"/"claims.toml").read_text(encoding="utf-8"))
setup = ledger.pop("setup")

def check(claim):
    start, row, names = time.perf_counter(), ledger[claim], {"__name__": "claims"}
    exec(setup + row["check"], names)
    return time.perf_counter() - start, row["why"].format_map(names)
`);
  return python.globals.get("check");
}

self.addEventListener("message", async ({ data }) => {
  if (data.runtime) {
    ready = start(data);
    ready.catch((error) => self.postMessage({ failed: String(error.message || error) }));
    return;
  }
  let check;
  try { check = await ready; } catch { return; }
  self.postMessage({ id: data.id, started: true });
  await new Promise((resolve) => setTimeout(resolve));
  try {
    const [seconds, why] = check(data.claim).toJs();
    self.postMessage({ id: data.id, seconds, why });
  } catch (error) {
    self.postMessage({ id: data.id, error: String(error.message || error).trim().split("\n").pop() });
  }
});
