// A copy button on every block of code.
for (const block of document.querySelectorAll("article div.sourceCode")) {
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy this code");
  button.addEventListener("click", async () => {
    const code = block.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(code);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange(); // no clipboard here (a page opened from disk): select it instead
      range.selectNodeContents(block.querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  block.append(button);
}

// Code that is wider than its block can be scrolled from the keyboard; line numbers are no stops on the way.
for (const block of document.querySelectorAll("article pre")) {
  if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
}
for (const anchor of document.querySelectorAll("pre code > span > a")) {
  anchor.tabIndex = -1;
  anchor.setAttribute("aria-hidden", "true");
}

// The panels' state when the window changes width.
for (const [panel, width] of [[".chapters", "62rem"], [".contents", "84rem"]]) {
  const wide = matchMedia(`(min-width: ${width})`);
  wide.addEventListener("change", () => {
    const element = document.querySelector(panel);
    if (element) element.open = wide.matches;
  });
}
