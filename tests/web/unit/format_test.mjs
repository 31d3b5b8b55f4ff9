import assert from "node:assert/strict";
import { test } from "node:test";

import * as format from "../../../viewer/web/src/format";

test("times have four digits and the unit that fits", () => {
  const cases = [
    [0, "0 ns"],
    [999, "999 ns"],
    [1000, "1 us"],
    [12345, "12.35 us"],
    [999960, "1 ms"],
    [1.5e9, "1.5 s"],
    [-2500, "-2.5 us"],
  ];
  for (const [ns, text] of cases) assert.equal(format.time(ns), text);
});

test("counted time is in instructions", () => {
  format.setTimeKind("counted");
  assert.deepEqual([345, 13000, 2.5e6].map(format.time), ["345 instr.", "13 k instr.", "2.5 M instr."]);
  format.setTimeKind("real");
  assert.equal(format.time(345), "345 ns");
});

test("places on the axis have as many decimals as the step needs", () => {
  assert.equal(format.place(1234567, 1e6), "1 ms");
  assert.equal(format.place(1234567, 1e5), "1.2 ms");
  assert.equal(format.place(1234567, 1e3), "1\u202f235 us");
  assert.equal(format.place(1234567, 10), "1\u202f234\u202f567 ns");
});

test("times that are typed are read, others are null", () => {
  const cases = { "1.5ms": 1.5e6, " 200 us ": 2e5, "3s": 3e9, 1234: 1234, "7\u00b5s": 7e3, "1\u202f234 ns": 1234 };
  for (const [text, ns] of Object.entries(cases)) assert.equal(format.parseTime(text), ns, text);
  for (const text of ["", "ms", "-1", "1 min", "1,5ms", "0x10"]) assert.equal(format.parseTime(text), null, text);
});

test("what time() prints is read again", () => {
  for (const ns of [1, 999, 1000, 123000, 4.567e6, 2e9]) assert.equal(format.parseTime(format.time(ns)), ns);
});

test("shares, hexadecimal numbers, groups of three", () => {
  assert.equal(format.percent(1, 3), "33.3 %");
  assert.equal(format.percent(1, 0), "-");
  assert.equal(format.hex(0xfffffffffffffff0n), "0xfffffffffffffff0");
  assert.equal(format.grouped("1234567.25"), "1\u202f234\u202f567.25");
});
