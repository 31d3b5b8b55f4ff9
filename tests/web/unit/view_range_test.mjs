import assert from "node:assert/strict";
import { test } from "node:test";

import { ViewRange } from "../../../viewer/web/src/view_range";

const shown = ({ from, to }) => [from, to];

test("a zoom keeps the time under the pointer where it is", () => {
  const range = new ViewRange(0, 1000, () => {});
  range.zoom(0.5, 200);
  assert.deepEqual(shown(range), [100, 600]);
  range.zoom(2, 200);
  assert.deepEqual(shown(range), [0, 1000]);
});

test("a zoom ends at 20 ns and at a little more than everything", () => {
  const range = new ViewRange(0, 1000, () => {});
  range.zoom(1e-9, 500);
  assert.equal(range.length, 20);
  range.zoom(1e9, 500);
  assert.ok(Math.abs(range.length - 1100) < 1e-6);
});

test("panning leaves a part of the recording in sight", () => {
  const range = new ViewRange(0, 1000, () => {});
  range.set(400, 500);
  range.pan(1);
  assert.deepEqual(shown(range), [500, 600]);
  range.pan(100);
  assert.deepEqual(shown(range), [950, 1050]);
  range.pan(-100);
  assert.deepEqual(shown(range), [-50, 50]);
});

test("what is shown has room on both sides, and each change is told", () => {
  let changes = 0;
  const range = new ViewRange(0, 1000, () => ++changes);
  range.show(400, 500, 0.5);
  assert.deepEqual(shown(range), [350, 550]);
  range.center(500);
  assert.deepEqual(shown(range), [400, 600]);
  range.fit();
  assert.deepEqual(shown(range), [0, 1000]);
  assert.equal(changes, 3);
});
