// The page of a comparison: of a compare JSON, of `compare --html` and of two recordings.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { made, open, recordings, run, start, stop } from "./browser.mjs";

const json = join(recordings, "compare.json");
const file = join(made, "compare.html");
let comparison;

before(async () => {
  await start();
  run("view", "--compare", json, "-o", file);
  comparison = JSON.parse(readFileSync(json, "utf8"));
});
after(stop);

async function checkCells(page) {
  assert.equal(await page.locator("td[data-path]").count(), comparison.paths.length * comparison.workloads.length);
  for (const [i, cell] of comparison.cells.entries()) {
    const shown = page.locator(`td[data-p="/cells/${i}"]`);
    assert.equal(await shown.getAttribute("data-path"), cell.path);
    assert.equal(await shown.getAttribute("data-workload"), cell.workload);
    if (cell.skipped) {
      assert.equal(await shown.locator("span").getAttribute("title"), cell.skipped);
      continue;
    }
    assert.equal(JSON.parse(await shown.getAttribute("data-v")), cell.cost.p50_ns);
    const parts = cell.phases ? Object.entries(cell.phases).filter(([, phase]) => phase.p50_ns > 0) : [];
    assert.equal(await shown.locator(".bar span").count(), parts.length, `${cell.path} ${cell.workload}`);
    if (cell.ratio && cell.path !== comparison.base)
      assert.match(await shown.textContent(), new RegExp(`x ${Number(cell.ratio.toPrecision(3))}`));
  }
}

// The examples in sight: their paths, and where U0 is on the screen.
const examples = (page) =>
  page.evaluate(() =>
    trapline.page.shown.map(({ example, panel }) => ({
      path: example.path,
      u0: panel.canvas.xOf(example.u0_ns),
      from: panel.range.from - example.u0_ns,
      exits: panel.timeline.vcpus.flatMap(({ exits }) => [...exits.begin]).length,
    })),
  );

test("all cells are there, with their figures and phases", async () => {
  const { page, close } = await open(file);
  await checkCells(page);
  await close();
});

// Clicks on a cell of the table, and waits for its example.
async function choose(page, cell) {
  await page.click(`td[data-path="${cell.path}"][data-workload="${cell.workload}"] button`);
  await page.waitForFunction(
    ({ path, workload }) =>
      document.querySelector(".examples h2")?.textContent === workload &&
      document.querySelector(`figure[data-path="${path}"] canvas`),
    cell,
  );
}

test("a click shows the cell's example beside the base's, aligned at U0", async () => {
  const { page, close, shot } = await open(file);
  for (const cell of comparison.cells) {
    if (cell.skipped || cell.path === "native") continue;
    await choose(page, cell);
    const shown = await examples(page);
    assert.deepEqual(
      shown.map(({ path }) => path),
      [...new Set([comparison.base, cell.path])],
    );
    for (const one of shown) assert.ok(Math.abs(one.u0 - shown[0].u0) < 0.01 && Math.abs(one.from - shown[0].from) < 1);
  }
  await choose(page, { path: "emulate", workload: "int80" });
  const before = await examples(page);
  assert.ok(before.find(({ path }) => path === "emulate").exits >= 2);
  await shot("compare");
  // They move together.
  await page.focus("figure canvas");
  await page.keyboard.press("w");
  const zoomed = await examples(page);
  assert.notEqual(zoomed[0].from, before[0].from);
  assert.ok(Math.abs(zoomed[0].from - zoomed[1].from) < 1);
  await page.keyboard.press("?");
  assert.ok(await page.isVisible("dialog.keys"));
  await close();
});

test("compare --html makes the same page, recordings kept or not", async () => {
  const { page, close } = await open(join(recordings, "compare.html"));
  await checkCells(page);
  await page.click('td[data-path="pv"][data-workload="int80"] button');
  await page.waitForSelector('figure[data-path="pv"] canvas');
  await close();
});

test("two recordings compare with each other", async () => {
  const two = join(made, "two.html");
  run("view", join(recordings, "hvm"), join(recordings, "emulate"), "-o", two);
  const { page, close, shot } = await open(two, { colorScheme: "dark" });
  assert.deepEqual(await page.$$eval(".heat thead th", (all) => all.map((cell) => cell.textContent)), [
    "event",
    "A (hvm)",
    "B (emulate)",
  ]);
  await page.click('td[data-path="B (emulate)"][data-workload="int80"] button');
  await page.waitForFunction(() => document.querySelectorAll("figure canvas").length === 2);
  await page.waitForTimeout(200);
  await shot("two-recordings");
  await close();
});
