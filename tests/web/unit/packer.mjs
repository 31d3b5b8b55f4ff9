// Packs what viewer/web/timeline_chunk.cpp packs (docs/view.md), for a page that is not there: fakeDocument() stands for its
// elements.
import { gzipSync } from "node:zlib";

export function leb128(value) {
  const bytes = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 0x80n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

export const zigzag = (value) => (value >= 0 ? 2n * BigInt(value) : -2n * BigInt(value) - 1n);

export const numbers = (...values) => values.flatMap(leb128);
export const distances = (...values) => values.flatMap((value) => leb128(zigzag(value)));

// References to times: {from: FROM, to: AT} as a distance, {pool: N} as the Nth of the pool from the first that is not
// before the previous one.
export const reference = (previous, at) => leb128(zigzag(at - previous) * 2n + 1n);
export const poolReference = (places) => leb128(zigzag(places) * 2n);

export const columns = (...all) => all.flatMap((bytes) => [...leb128(bytes.length), ...bytes]);

export function fakeDocument(facts, parts) {
  const elements = parts.map(([part, bytes]) => ({
    dataset: { part },
    textContent: gzipSync(Uint8Array.from(bytes)).toString("base64"),
    remove() {},
  }));
  globalThis.document = {
    getElementById: (id) => (id === "timeline-0" ? { textContent: JSON.stringify(facts) } : null),
    querySelectorAll: () => elements,
  };
}
