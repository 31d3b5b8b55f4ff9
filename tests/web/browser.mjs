// Opens pages in Debian's chromium and keeps an eye on them: what they ask for, what they complain about.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const repository = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(join(repository, "viewer/web/package.json"));
const kBrowser = "/usr/bin/chromium";
const kPatienceMs = 300_000; // only what hangs is ended, not what a busy machine does slowly
const kLaptop = { width: 1366, height: 768 };

export const trapline = process.env.TRAPLINE_PROGRAM;
export const recordings = process.env.TRAPLINE_RECORDINGS;
export const made = process.env.TRAPLINE_ARTEFACTS;

export function run(...words) {
  return execFileSync(trapline, words, { encoding: "utf8", maxBuffer: 1 << 30 });
}

export const runJson = (...words) => JSON.parse(run(...words));

let browser = null;

export async function start() {
  assert.ok(existsSync(kBrowser), `${kBrowser} is not there: ./dev setup test installs it`);
  mkdirSync(made, { recursive: true });
  const { chromium } = require("playwright-core");
  browser = await chromium.launch({ executablePath: kBrowser, args: ["--no-sandbox"], timeout: kPatienceMs });
}

export const stop = () => browser?.close();

// A page of a file, and what it did that it must not: requests, errors.
export async function open(file, options = {}) {
  const context = await browser.newContext({ viewport: kLaptop, ...options });
  context.setDefaultTimeout(kPatienceMs);
  const page = await context.newPage();
  const wrong = [];
  const address = pathToFileURL(file).href;
  page.on("request", (request) => {
    if (request.url() !== address && request.url() !== "data:,") wrong.push(`request: ${request.url()}`);
  });
  page.on("console", (message) => wrong.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  await page.goto(address);
  await page.waitForFunction(() => document.documentElement.dataset.ready !== undefined);
  const ready = await page.evaluate(() => document.documentElement.dataset.ready);
  assert.equal(ready, "yes", `the page says: ${ready}`);
  return {
    page,
    async close() {
      await context.close();
      assert.deepEqual(wrong, []);
    },
    shot: (name) => page.screenshot({ path: join(made, `${name}.png`) }),
  };
}

// The member of a document that a JSON pointer names (RFC 6901).
export function at(json, pointer) {
  return pointer
    .split("/")
    .slice(1)
    .reduce((value, name) => value[name.replaceAll("~1", "/").replaceAll("~0", "~")], json);
}

// Nearest rank, as base/distribution has it.
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}
