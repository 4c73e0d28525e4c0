// What the pages do beyond being read: colours, menu, search, copying, and the mark in the page's contents.
(() => {
"use strict";
const root = document.body.dataset.root ?? "";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector, within = document) => within.querySelector(selector);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// Colours: as the system has them, unless the reader chose.
const themes = { "": "Auto", light: "Light", dark: "Dark" };
const themeButton = one(".theme");
function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  one(".which", themeButton).textContent = themes[theme];
}
themeButton.hidden = false;
setTheme(document.documentElement.dataset.theme in themes ? document.documentElement.dataset.theme : "");
themeButton.addEventListener("click", () => {
  const order = Object.keys(themes);
  const next = order[(order.indexOf(document.documentElement.dataset.theme ?? "") + 1) % order.length];
  setTheme(next);
  try { localStorage.setItem("theme", next); } catch { /* a browser that remembers nothing */ }
});

// The panels' state when the window changes width; the menu closes as menus do.
const chapters = one(".chapters");
const wide = matchMedia("(min-width: 62rem)");
for (const [panel, query] of [[chapters, wide], [one(".contents"), matchMedia("(min-width: 84rem)")]]) {
  query.addEventListener("change", () => { if (panel) panel.open = query.matches; });
}
const closeMenu = () => { if (!wide.matches) chapters.open = false; };
document.addEventListener("click", (event) => { if (!chapters.contains(event.target)) closeMenu(); });
chapters.addEventListener("keydown", (event) => {
  if (event.key == "Escape" && !wide.matches) { closeMenu(); one("summary", chapters).focus(); }
});
const here = one(".chapters [aria-current]");
const panel = one("nav", chapters);
if (here && wide.matches && here.offsetTop > panel.clientHeight) panel.scrollTop = here.offsetTop - panel.clientHeight / 2;

// Copying: a button on every block of code, one for the page, and the system's own keys in a block that has the focus.
const codeOf = (block) => one("code", block).textContent.trimEnd() + "\n";
async function copy(text, button, done) {
  const before = [button.textContent, button.getAttribute("aria-label")];
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { value: text }); // no clipboard for this page: as browsers did it before
    document.body.append(area);
    area.select();
    copied = document.execCommand("copy");
    area.remove();
  }
  button.textContent = copied ? done : "✗";
  button.setAttribute("aria-label", copied ? "Copied" : "The browser does not let this page copy");
  setTimeout(() => {
    button.textContent = before[0];
    if (before[1]) button.setAttribute("aria-label", before[1]);
    else button.removeAttribute("aria-label");
  }, 1500);
}
const blocks = all("article div.sourceCode").filter((block) => !one(".signature", block));
for (const block of blocks) {
  const button = make("button", { className: "copy", type: "button", title: "Copy this code", tabIndex: -1 });
  button.setAttribute("aria-label", "Copy this code");
  button.addEventListener("click", () => copy(codeOf(block), button, "✓"));
  block.append(button);
}
const python = blocks.filter((block) => one("code.python", block));
const copyAll = one(".copy-all");
const chapter = python.filter((block) => !one("pre.example", block)); // an example of the reference stands alone
if (copyAll && chapter.length) {
  copyAll.hidden = false;
  copyAll.addEventListener("click", () => copy(chapter.map(codeOf).join("\n"), copyAll, "Copied"));
}
document.addEventListener("copy", (event) => {
  const block = document.activeElement.closest?.("div.sourceCode");
  if (!block || !getSelection().isCollapsed) return;
  event.clipboardData.setData("text/plain", codeOf(block));
  event.preventDefault();
});

// What is wider than its place can be scrolled from the keyboard; line numbers are no stops on the way.
const scrollable = all("article pre, article .scroll, article .figure, article .cell-output-html, article math[display=block], article details > div");
function reachable(element) {
  if (element.scrollWidth > element.clientWidth + 1) {
    element.tabIndex = 0;
    if (element.matches(".scroll, .figure, .cell-output-html") && !element.hasAttribute("role")) {
      element.setAttribute("role", "region");
      element.setAttribute("aria-label", `Part ${scrollable.indexOf(element) + 1}, to be scrolled sideways`);
    }
  } else if (element.tabIndex == 0) element.removeAttribute("tabindex");
}
const measure = () => scrollable.forEach(reachable);
measure();
addEventListener("resize", measure);
document.addEventListener("toggle", measure, true);
for (const anchor of all("pre code > span > a")) {
  anchor.tabIndex = -1;
  anchor.setAttribute("aria-hidden", "true");
}

// The section that one is in, marked in the page's contents.
const entries = all(".contents nav a").map((link) => [link, document.getElementById(decodeURIComponent(link.hash.slice(1)))]);
let marked;
function mark() {
  const current = entries.filter(([, heading]) => heading && heading.getBoundingClientRect().top < innerHeight / 4).at(-1)?.[0];
  if (current == marked) return;
  marked?.removeAttribute("aria-current");
  current?.setAttribute("aria-current", "location");
  marked = current;
  const list = one(".contents");
  if (current && list.scrollHeight > list.clientHeight) list.scrollTop = current.offsetTop - list.clientHeight / 2;
}
let waiting = false;
addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; mark(); });
}, { passive: true });
mark();

// A link that a reader may copy opens what it points into.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let box = target && target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
if (location.hash) unfold();

// Search. The index and the library that reads it come when first asked for, as scripts, so that files on a disk will do.
const load = (file) => new Promise((resolve, reject) => {
  document.head.append(make("script", { src: root + file, onload: resolve, onerror: () => reject(new Error(file)) }));
});
const whole = (text) => (text.match(/[\p{L}\p{N}_.]+/gu) ?? []).map((word) => word.toLowerCase().replace(/^\.+|\.+$/g, "")).filter(Boolean);
const words = (text) => { // as it stands, and each part of a name
  const found = text.match(/[\p{L}\p{N}_.]+/gu) ?? [];
  const parts = found.flatMap((word) => word.split(/[_.]+|(?<=\p{Ll})(?=\p{Lu})/u).concat(word));
  return [...new Set(parts.map((word) => word.toLowerCase()).filter(Boolean))];
};
let ready;
function prepare() {
  ready ??= Promise.all([load("search/minisearch.js"), load("search/index.js")]).then(() => {
    const documents = globalThis.bookIndex.map(([page, title, id, heading, text, code, kind, also], key) => (
      { key, page, title, id, heading, text, code, kind, also }));
    const index = new globalThis.MiniSearch({ fields: ["heading", "title", "text", "code", "also"], idField: "key", tokenize: words });
    index.addAll(documents);
    return { documents, index };
  });
  return ready;
}
const plain = (text) => text.trim().toLowerCase().replace(/\(.*$/, "");
function find({ documents, index }, query) {
  const asked = plain(query);
  const options = {
    boost: { heading: 5, also: 4, title: 2, code: .5 },
    prefix: (term) => term.length > 1,
    combineWith: "AND",
    tokenize: whole,
    boostDocument: (key) => {
      const { heading, kind, also } = documents[key];
      const named = heading == query.trim() ? 40 : plain(heading) == asked || also.split(", ").includes(asked) ? 20 : plain(heading).startsWith(asked) ? 2 : 1;
      return named * (kind == "api" ? 1.5 : kind == "recipe" ? 1.3 : 1);
    },
  };
  const slips = (term) => (term.length > 4 ? .2 : 0); // of the finger: a letter in five, where the words as they stand find little
  let hits = index.search(query, options);
  if (hits.length < 3) {
    const known = new Set(hits.map(({ id }) => id));
    hits.push(...index.search(query, { ...options, fuzzy: slips }).filter(({ id }) => !known.has(id)));
  }
  if (!hits.length) hits = index.search(query, { ...options, tokenize: words, fuzzy: slips, combineWith: "OR" });
  const own = ({ id }) => +(documents[id].kind == "api" && documents[id].id == query.trim()); // the name itself, first
  hits.sort((a, b) => own(b) - own(a));
  return hits.slice(0, 20).map(({ id, terms }) => ({ ...documents[id], terms }));
}
const begins = (terms) => { // one of these, where a word begins: no "early" in "clearly"
  const any = terms.map((term) => term.replace(/[.*+?^$${}()|[\]\\]/g, "\\$&")).join("|") || "$^";
  return new RegExp(`(?<![\\p{L}\\p{N}])(${any})`, "iu");
};
function sentence(text, terms) {
  const sentences = text.split(/(?<=[.?!])\s+/);
  const each = terms.map((term) => begins([term])), pattern = begins(terms);
  const score = (s) => each.filter((term) => term.test(s)).length;
  const best = sentences.reduce((a, b) => (score(b) > score(a) ? b : a), sentences[0] ?? "");
  const at = best.search(pattern);
  const start = best.length > 180 && at > 90 ? best.indexOf(" ", at - 70) + 1 : 0;
  const shown = (start ? "… " : "") + best.slice(start, start + 180) + (best.length > start + 180 ? " …" : "");
  return shown.split(pattern).map((part, i) => (i % 2 ? make("mark", {}, part) : part));
}

const link = (page, text) => make("a", { href: root + page, textContent: text });
const nothing = () => ["Nothing found. Try one word, or another one for the same; or look through the ",
  link("recipes.html", "recipes"), ", which say how to do things, and the ", link("api.html", "reference"), ", which has every name."];

let dialog;
function build() {
  const input = make("input", { type: "search", id: "query", autocomplete: "off", spellcheck: false });
  const said = make("p", { className: "said" });
  said.setAttribute("role", "status");
  const list = make("ol", { className: "hits" });
  const close = make("button", { type: "button", textContent: "Close" });
  const label = make("label", { htmlFor: "query", textContent: "Search the book" });
  dialog = make("dialog", { className: "search" }, make("div", { className: "ask" }, label, input, close), said, list);
  dialog.setAttribute("aria-label", "Search the book");
  document.body.append(dialog);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target == dialog) dialog.close(); });
  let turn = 0;
  async function update() {
    const mine = ++turn, query = input.value.trim();
    if (!query) { list.replaceChildren(); said.textContent = "Names, headings and text: type a few letters."; return; }
    let prepared;
    try {
      prepared = await prepare();
    } catch {
      ready = undefined;
      said.textContent = "The index of this copy of the book could not be read.";
      return;
    }
    if (mine != turn) return;
    const hits = find(prepared, query);
    said.replaceChildren(...(hits.length ? [`${hits.length == 20 ? "The best 20" : hits.length} ${hits.length == 1 ? "place" : "places"}`] : nothing()));
    list.dataset.query = query;
    list.replaceChildren(...hits.map(({ page, id, heading, title, text, terms }) => make("li", {}, make("a",
      { href: root + page + (id ? "#" + id : "") },
      make("strong", {}, heading), " ", make("small", {}, heading == title ? "" : title),
      make("span", {}, ...sentence(text, terms)),
    ))));
  }
  input.addEventListener("input", update);
  dialog.addEventListener("keydown", (event) => {
    const stops = [input, ...all("a", list)], at = stops.indexOf(document.activeElement);
    if (event.key == "ArrowDown" || event.key == "ArrowUp") {
      stops[Math.max(0, Math.min(stops.length - 1, at + (event.key == "ArrowDown" ? 1 : -1)))].focus();
      event.preventDefault();
    } else if (event.key == "Enter" && document.activeElement == input) {
      event.preventDefault();
      const asked = input.value;
      (async () => { await update(); if (input.value == asked) one("a", list)?.click(); })();
    }
  });
  dialog.addEventListener("click", (event) => { if (event.target.closest("a")) dialog.close(); });
  dialog.ask = (query) => {
    if (query !== undefined) input.value = query;
    if (!dialog.open) dialog.showModal();
    input.focus();
    input.select();
    update();
    prepare().catch(() => {});
  };
}
function search(query) {
  if (!dialog) build();
  dialog.ask(query);
}
one(".find").hidden = false;
one(".find").addEventListener("click", () => search());
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if ((event.key == "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey)
    || (event.key.toLowerCase() == "k" && (event.ctrlKey || event.metaKey))) {
    event.preventDefault();
    search();
  }
});

// A page that is not there: look for what its address says.
const missing = one("#missing");
if (missing) {
  const said = decodeURIComponent(location.pathname).split("/").at(-1).replace(/\.\w+$/, "").replace(/[-_\d]+/g, " ").trim();
  missing.addEventListener("click", () => search(said == "" ? undefined : said));
  missing.hidden = false;
}
})();
