import assert from "node:assert/strict";
import { test } from "node:test";

import { aggregate } from "../../../viewer/web/src/aggregates";
import { ReasonColours, makeLanes } from "../../../viewer/web/src/lanes";
import { percentile } from "../../../viewer/web/src/percentiles";
import { Search } from "../../../viewer/web/src/search";
import { timeline } from "./timelines.mjs";

const made = timeline({
  exits: [
    [10, 20, 0],
    [30, 50, 1],
    [60, 70, 2],
    [80, 90, 0],
  ],
  isrs: [
    [100, 110, 0x40, 0],
    [120, 130, 0x41, 0],
  ],
  events: [[5, 95, 1]],
});
const lanes = makeLanes(made, new ReasonColours(made));
const count = (query) => new Search(made, query).count(lanes);

test("words are found in reasons, ports, vectors and workloads", () => {
  assert.equal(count("io"), 3);
  assert.equal(count("HLT"), 1);
  assert.equal(count("io guest"), 3);
  assert.equal(count("int80"), 1);
  assert.equal(count("nothing"), 0);
});

test("a number is found as a whole, not in a longer one", () => {
  assert.equal(count("0x402"), 1);
  assert.equal(count("port 0x40"), 2);
  assert.equal(count("vector 0x41"), 1);
  assert.equal(count("0x40"), 3, "two exits and one handler");
});

test("the next and the previous hit, in whichever lane", () => {
  const search = new Search(made, "0x40");
  const from = (time, forward) => search.next(lanes, time, forward)?.begin ?? null;
  assert.deepEqual([from(0, true), from(10, true), from(80, true), from(100, true)], [10, 80, 100, null]);
  assert.deepEqual([from(1000, false), from(100, false), from(10, false)], [100, 80, null]);
});

test("what was not found is grey", () => {
  const [exits] = new Search(made, "hlt").highlighted(lanes).filter(({ kind }) => kind === "exits");
  const grey = exits.colours.length - 1;
  assert.deepEqual(
    [...exits.track.category].map((category) => category === grey),
    [true, true, false, true],
  );
});

test("figures of a stretch are of the exits that begin in it", () => {
  const rows = aggregate(made, 10, 80, false);
  assert.deepEqual(
    rows.map(({ reason, key, count: exits, total_ns }) => [reason, key, exits, total_ns]),
    [
      ["io", "port 0x402 out 1", 1, 20],
      ["io", "port 0x40 out 1", 1, 10],
      ["hlt", "", 1, 10],
    ],
  );
});

test("percentiles are nearest-rank", () => {
  const sorted = Float64Array.from({ length: 10 }, (_, i) => i + 1);
  assert.deepEqual(
    [0, 50, 90, 99, 100].map((percent) => percentile(sorted, percent)),
    [1, 5, 9, 10, 10],
  );
  assert.equal(percentile(new Float64Array(0), 50), 0);
});
