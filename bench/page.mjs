// page.mjs FILE: how long a page takes until it is ready, and what a frame takes at several zooms.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(here, "../viewer/web/package.json"));
const { chromium } = require("playwright-core");

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1366, height: 768 } });
page.setDefaultTimeout(300_000);
await page.goto(pathToFileURL(process.argv[2]).href, { waitUntil: "commit" });
await page.waitForFunction(() => document.documentElement.dataset.ready !== undefined);
const { loadedMs, frames, search } = await page.evaluate(() => {
  const { loadedMs, page } = trapline;
  const { panel } = page;
  const whole = panel.timeline.end - panel.timeline.begin;
  // Shares of the whole that are in sight; each is panned through.
  const frames = [1, 0.3, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6].map((share) => {
    const took = [];
    for (let i = 0; i < 60; ++i) {
      const from = panel.timeline.begin + (whole * (1 - share) * i) / 60;
      panel.range.set(from, from + whole * share);
      panel.drawNow();
      took.push(panel.lastFrameMs);
    }
    took.sort((a, b) => a - b);
    return { share, median: took[29], worst: took[59] };
  });
  const field = document.querySelector("input[type=search]");
  const begun = performance.now();
  field.value = "msr";
  page.searched();
  const search = performance.now() - begun;
  return { loadedMs, frames, search };
});
console.log(`  ready after ${(loadedMs / 1000).toFixed(2)} s`);
for (const { share, median, worst } of frames) {
  console.log(
    `  frame with ${String(share).padEnd(5)} of it in sight: median ${median.toFixed(1)} ms, worst of 60 ${worst.toFixed(1)} ms`,
  );
}
console.log(`  a search through all of it: ${search.toFixed(0)} ms`);
await browser.close();
