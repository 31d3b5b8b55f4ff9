// run.mjs FOLDER: bundles each *_test.mjs here with the page's modules, which are TypeScript, and runs them by node --test.
// Results go to TRAPLINE_TEST_RESULTS as JUnit, too.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const { buildSync } = createRequire(join(here, "../../../viewer/web/package.json"))("esbuild");
const folder = process.argv[2];
if (!folder) throw new Error("usage: run.mjs FOLDER");

rmSync(folder, { recursive: true, force: true });
const tests = readdirSync(here).filter((name) => name.endsWith("_test.mjs"));
buildSync({
  entryPoints: tests.map((name) => join(here, name)),
  outdir: folder,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  sourcemap: "inline",
});
const words = ["--enable-source-maps", "--test", "--test-reporter=spec", "--test-reporter-destination=stdout"];
if (process.env.TRAPLINE_TEST_RESULTS) {
  const results = join(process.env.TRAPLINE_TEST_RESULTS, "inner/web_modules");
  mkdirSync(results, { recursive: true });
  words.push("--test-reporter=junit", `--test-reporter-destination=${join(results, "node.xml")}`);
}
const { status } = spawnSync(process.execPath, [...words, ...tests.map((name) => join(folder, name))], {
  stdio: "inherit",
});
process.exit(status ?? 1);
