import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { Column, ColumnReader, fromBase64, gunzip, unzigzag } from "../../../viewer/web/src/bytes";
import { columns, distances, leb128, numbers } from "./packer.mjs";

const column = (bytes) => new Column(Uint8Array.from(bytes), 0, bytes.length);

test("numbers are exact up to 2^53", () => {
  for (const value of [0, 1, 127, 128, 300, 2 ** 31, 2 ** 32, 2 ** 53 - 1])
    assert.equal(column(leb128(value)).number(), value);
});

test("distances have both signs", () => {
  const values = [0, -1, 1, -2, 2 ** 40, -(2 ** 40)];
  const packed = column(distances(...values));
  assert.deepEqual(
    values.map(() => packed.distance()),
    values,
  );
  assert.deepEqual([0, 1, 2, 3].map(unzigzag).map(Number), [0, -1, 1, -2]);
});

test("big distances have all 64 bits", () => {
  const value = 0xfffffffffffffff0n;
  assert.equal(column(leb128(2n * value)).bigDistance(), value);
  assert.equal(column(leb128(2n * value - 1n)).bigDistance(), -value);
});

test("columns end where their length says", () => {
  const reader = new ColumnReader(Uint8Array.from([...numbers(7), ...columns(numbers(1, 2), numbers(300))]));
  assert.equal(reader.number(), 7);
  const [first, second] = reader.columns(2);
  assert.deepEqual([first.number(), first.number(), second.number()], [1, 2, 300]);
  assert.throws(() => first.number(), /cut off/);
});

test("a column that is longer than the data is refused", () => {
  assert.throws(() => new ColumnReader(Uint8Array.from([5, 1, 2])).column(), /cut off/);
  assert.throws(() => column([0x80]).number(), /cut off/);
});

test("base64 and gzip are undone", async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
  const text = gzipSync(bytes).toString("base64");
  assert.deepEqual(await gunzip(fromBase64(text)), bytes);
});
