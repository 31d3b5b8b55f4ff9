import assert from "node:assert/strict";
import { test } from "node:test";

import { Track, lowerBound } from "../../../viewer/web/src/track";

// The same numbers in each run.
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

// Slices one after the other, some of which touch.
function slices(count, categories) {
  const next = random(7);
  const begin = new Float64Array(count);
  const end = new Float64Array(count);
  const category = new Uint8Array(count);
  let at = 0;
  for (let i = 0; i < count; ++i) {
    begin[i] = at + (i % 3 === 0 ? 0 : next(50));
    at = end[i] = begin[i] + next(100);
    category[i] = next(categories);
  }
  return { begin, end, category };
}

function sharesOneByOne({ begin, end, category }, from, to, categories) {
  const sums = new Float64Array(categories);
  begin.forEach((at, i) => (sums[category[i]] += Math.max(0, Math.min(end[i], to) - Math.max(at, from))));
  return [...sums];
}

test("shares are exact in each stretch, from within slices and beyond the ends", () => {
  for (const count of [0, 1, 63, 64, 65, 500]) {
    const made = slices(count, 4);
    const track = new Track(made, 4);
    const next = random(count + 1);
    const into = new Float64Array(4);
    const reach = (made.end[count - 1] ?? 0) + 100;
    for (let i = 0; i < 200; ++i) {
      const from = next(reach) - 50;
      const to = from + next(reach);
      track.shares(from, to, next(count + 1), into);
      assert.deepEqual([...into], sharesOneByOne(made, from, to, 4), `${count} slices, ${from} to ${to}`);
    }
  }
});

test("a search finds the first that is not below, wherever it begins", () => {
  const values = Float64Array.from([1, 3, 3, 5, 9]);
  for (const value of [0, 1, 2, 3, 4, 5, 9, 10]) {
    const expected = values.findIndex((one) => one >= value);
    for (let near = 0; near <= 6; ++near) {
      assert.equal(lowerBound(values, value, near), expected < 0 ? values.length : expected, `${value} near ${near}`);
    }
  }
});

test("the slice under the pointer, or the longest near it", () => {
  const track = new Track(
    { begin: Float64Array.of(10, 30, 33), end: Float64Array.of(20, 31, 60), category: new Uint8Array(3) },
    1,
  );
  assert.equal(track.at(15, 2), 0);
  assert.equal(track.at(22, 3), 0);
  assert.equal(track.at(30.5, 4), 2);
  assert.equal(track.at(25, 1), -1);
  assert.equal(track.firstAfter(15), 0);
  assert.equal(track.firstAfter(20), 1);
});

test("rows of a track that shows some of a table", () => {
  const track = new Track(
    { begin: Float64Array.of(1, 2), end: Float64Array.of(2, 3), category: new Uint8Array(2) },
    1,
    Uint32Array.of(4, 9),
  );
  assert.equal(track.rowOf(1), 9);
  assert.equal(track.sliceOf(9), 1);
  assert.equal(track.sliceOf(5), -1);
});
