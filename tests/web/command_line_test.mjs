// What `trapline view` says and does on the command line, and what becomes of hostile input in a browser.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { made, open, recordings, run, start, stop, trapline } from "./browser.mjs";

const recording = join(recordings, "hvm");

before(start);
after(stop);

function fails(status, expected, ...words) {
  const { status: was, stderr } = spawnSync(trapline, ["view", ...words], { encoding: "utf8" });
  assert.match(stderr, expected);
  assert.equal(was, status, stderr);
}

test("wrong usage is told apart from failure, with the remedy", () => {
  fails(2, /view wants a recording/);
  fails(2, /neither -o nor --open[\s\S]*-o page.html/, recording);
  fails(2, /--to 1ms lies before --from 2ms/, recording, "-o", join(made, "x.html"), "--from", "2ms", "--to", "1ms");
  fails(2, /for the page of one recording/, recording, recording, "-o", join(made, "x.html"), "--sample", "2");
  fails(2, /hands one recording/, recording, recording, "--open");
  fails(2, /has no vCPU 9/, recording, "-o", join(made, "x.html"), "--vcpu", "9");
  fails(1, /nowhere/, "/nowhere", "-o", join(made, "x.html"));
  const noComparison = join(made, "no.json");
  writeFileSync(noComparison, '{"schema":"trapline.report/1"}');
  fails(1, /is no comparison[\s\S]*trapline compare --json/, "--compare", noComparison, "-o", join(made, "x.html"));
  assert.ok(!existsSync(join(made, "x.html")));
});

test("the page is private, replaces a link instead of following it, and a failure leaves what was there", () => {
  const folder = mkdtempSync(join(tmpdir(), "view-"));
  const target = join(folder, "precious");
  const link = join(folder, "page.html");
  writeFileSync(target, "precious");
  symlinkSync(target, link);
  run("view", recording, "-o", link);
  assert.equal(readFileSync(target, "utf8"), "precious");
  assert.ok(lstatSync(link).isFile());
  assert.equal(statSync(link).mode & 0o777, 0o600);
  const before = readFileSync(link);
  fails(1, /nowhere/, "/nowhere", "-o", link);
  assert.deepEqual(readFileSync(link), before);
});

const get = (url, headers) =>
  new Promise((resolve, reject) => {
    http
      .get(url, { headers }, (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part));
        answer.on("end", () =>
          resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }),
        );
      })
      .on("error", reject);
  });

test("--open serves the trace to Perfetto's UI once, then stops", async () => {
  const server = spawn(trapline, ["view", recording, "--open"], { env: { PATH: process.env.PATH } });
  const said = await new Promise((resolve) => server.stdout.once("data", (text) => resolve(String(text))));
  assert.match(said, /https:\/\/ui\.perfetto\.dev\/#!\/\?url=http:\/\/127\.0\.0\.1:9001\/trapline\.pftrace\.gz/);
  const ended = new Promise((resolve) => server.once("exit", resolve));
  assert.equal((await get("http://127.0.0.1:9001/", {})).status, 404);
  const { status, headers, body } = await get("http://127.0.0.1:9001/trapline.pftrace.gz", {
    origin: "https://ui.perfetto.dev",
  });
  assert.equal(status, 200);
  assert.equal(headers["access-control-allow-origin"], "https://ui.perfetto.dev");
  const exported = execFileSync(trapline, ["export", recording, "--format", "perfetto"], { maxBuffer: 1 << 30 });
  assert.deepEqual(gunzipSync(body), exported);
  assert.equal(await ended, 0);
  await assert.rejects(get("http://127.0.0.1:9001/trapline.pftrace.gz", {}));
});

test("names that are HTML are shown as the text that they are", async () => {
  const evil =
    '</script><script>document.title="ran"</script><img src=http://127.0.0.1:1/x onerror=alert(1)>\u2028&amp;';
  const comparison = JSON.parse(readFileSync(join(recordings, "compare.json"), "utf8"));
  comparison.paths[1] = comparison.base = evil;
  comparison.workloads[0] = { name: evil, summary: evil };
  for (const cell of comparison.cells) {
    if (cell.path === "hvm") cell.path = evil;
    if (cell.workload === "int80") cell.workload = evil;
    if (cell.skipped) cell.skipped = evil;
    if (cell.difference) cell.difference.sentence = evil;
  }
  for (const name of Object.keys(comparison.context)) comparison.context[name] = evil;
  const file = join(made, "hostile.json");
  writeFileSync(file, JSON.stringify(comparison));
  run("view", "--compare", file, "-o", join(made, "hostile.html"));
  const { page, close } = await open(join(made, "hostile.html"));
  assert.equal(await page.textContent(".heat tbody th"), evil);
  assert.equal(await page.locator("img").count(), 0);
  await page.locator(".heat td button").nth(3).click();
  await page.waitForTimeout(200);
  assert.ok((await page.title()).startsWith("Trapline"));
  await close();
});

test("a page whose file was cut says so", async () => {
  const whole = join(made, "whole.html");
  run("view", recording, "-o", whole);
  const text = readFileSync(whole, "utf8");
  const cut = join(made, "cut.html");
  // The data is there, but for its last part; the program follows.
  const from = text.indexOf('<script type="application/json" id="page">');
  writeFileSync(cut, text.slice(0, from) + text.slice(text.indexOf("</script>", from) + 9));
  await assert.rejects(open(cut), /failed/);
});
