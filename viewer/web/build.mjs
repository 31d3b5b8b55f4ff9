// build.mjs OUT.html: the page's program and style as one file, with a mark where the data goes.
//
// The Content-Security-Policy names both by their hashes: nothing that a recording holds can run or restyle
// the page, and no request can leave it.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
if (!out) throw new Error("usage: build.mjs OUT.html");

const bundled = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.ts"],
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome103", "firefox113", "safari16.4"],
  charset: "ascii",
  legalComments: "inline",
  write: false,
});
// A script element ends at the first `</script`, wherever it stands.
const script = "\n" + bundled.outputFiles[0].text.replaceAll("</script", "<\\/script") + "\n";
const style =
  "\n" +
  readFileSync(join(here, "node_modules/uplot/dist/uPlot.min.css"), "utf8") +
  readFileSync(join(here, "src/page.css"), "utf8") +
  "\n";
const hash = (text) => `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;
const policy = `default-src 'none'; img-src data:; script-src ${hash(script)}; style-src ${hash(style)}`;

writeFileSync(
  out,
  `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Trapline</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<div id="app"><p class="loading" role="status">Reading the recording&hellip;</p></div>
<noscript><p>This page draws a recording with a program of its own; its browser does not run it.</p></noscript>
<!-- data -->
<script>${script}</script>
</body>
</html>
`,
);
