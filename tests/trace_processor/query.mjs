// Loads a trace into Perfetto's trace_processor (the WebAssembly build that its UI uses) and answers SQL.
//
//   node query.mjs ENGINE_FOLDER TRACE QUERIES > ANSWERS
//
// QUERIES is a file with a JSON object of name -> SQL, ANSWERS the same names with rows as arrays; integers beyond 2^53
// are strings. ENGINE_FOLDER is what fetch_trace_processor unpacks. Works with Node 18 and later.
import { createRequire } from "node:module";
import { readFileSync, openSync, readSync, closeSync } from "node:fs";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import vm from "node:vm";

const [folder, trace, queriesFile] = process.argv.slice(2);
const queries = JSON.parse(readFileSync(queriesFile, "utf8"));

// The engine expects to be a Web Worker of the UI: its scope, and a synchronous fetch of its .wasm.
globalThis.self = globalThis;
globalThis.WorkerGlobalScope = class {};
globalThis.location = { href: "file:///trace_processor/" };
globalThis.XMLHttpRequest = class {
  open(_method, url) {
    this.file = url.split("/").pop();
  }
  send() {
    this.response = new Uint8Array(readFileSync(join(folder, this.file))).buffer;
  }
};
// Only the 32-bit module is in the package. The engine first tries whether a 64-bit one would run: it would not.
const { Module } = WebAssembly;
WebAssembly.Module = class {
  constructor() {
    WebAssembly.Module = Module;
    throw new Error("no 64-bit memory");
  }
};
console.warn = () => {}; // what the engine logs
globalThis.require = createRequire(import.meta.url);
vm.runInThisContext(readFileSync(join(folder, "engine_bundle.node.js"), "utf8"));

const { port1, port2 } = new MessageChannel();
const { EngineBase } = await import(join(folder, "engine.mjs"));
class Engine extends EngineBase {
  rpcSendRequestBytes(bytes) {
    port2.postMessage(bytes);
  }
}
const engine = new Engine();
port2.on("message", (bytes) => engine.onRpcResponseBytes(bytes));
self.onmessage({ data: port1 });
await new Promise((resolve) => setTimeout(resolve, 500)); // it starts, and tells nobody when it is done

const file = openSync(trace);
for (const piece = new Uint8Array(16 << 20); ;) {
  const length = readSync(file, piece);
  if (length === 0) break;
  await engine.parse(piece.slice(0, length));
}
closeSync(file);
await engine.notifyEof();

const plain = (value) =>
  typeof value === "bigint" ? (value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : String(value)) : value;
const answers = {};
for (const [name, sql] of Object.entries(queries)) {
  const result = await engine.streamingQuery(sql).waitAllRows();
  if (result.error()) throw new Error(`${name}: ${result.error()}`);
  const columns = result.columns();
  answers[name] = [];
  for (const row = result.iter({}); row.valid(); row.next())
    answers[name].push(columns.map((column) => plain(row.get(column))));
}
process.stdout.write(JSON.stringify(answers), () => process.exit(0));
