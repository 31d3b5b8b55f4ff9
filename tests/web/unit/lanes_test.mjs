import assert from "node:assert/strict";
import { test } from "node:test";

import { ReasonColours, exitName, makeLanes, pendingSpan } from "../../../viewer/web/src/lanes";
import { facts, timeline } from "./timelines.mjs";

const lanesOf = (made) => makeLanes(made, new ReasonColours(made));
const named = (lanes, name) => lanes.filter((lane) => lane.name === name);

test("handlers that interrupt others lie in a lane below", () => {
  const lanes = lanesOf(
    timeline({
      isrs: [
        [10, 50, 0x40, 0],
        [20, 30, 0x41, 1],
        [60, 70, 0x40, 0],
      ],
    }),
  );
  const [outer] = named(lanes, "guest ISR");
  const [nested] = named(lanes, "nested ISR");
  assert.deepEqual([...outer.track.begin], [10, 60]);
  assert.deepEqual([...nested.track.begin], [20]);
  assert.equal(nested.label(nested.track.rowOf(0)), "ISR 0x41");
});

test("a vector's pending interrupts have a lane and do not overlap in it", () => {
  const story = (raised, injected) => [0, [raised, NaN, NaN, injected, injected + 1, NaN, NaN]];
  const lanes = lanesOf(timeline({ stories: [story(10, 40), story(30, 60)] }));
  const [pending] = named(lanes, "pending 0x40");
  assert.deepEqual([...pending.track.begin], [10, 30]);
  assert.deepEqual([...pending.track.end], [30, 60]);
});

test("an interrupt is pending from raised, or else accepted, to injected, or else its ISR", () => {
  const links = (...times) => timeline({ stories: [[0, times]] }).vcpus[0];
  const not = NaN;
  assert.deepEqual(pendingSpan(links(1, 2, not, 5, 6, not, not), 0), [1, 5]);
  assert.deepEqual(pendingSpan(links(not, 2, not, not, 6, not, not), 0), [2, 6]);
  assert.equal(pendingSpan(links(not, not, not, 5, 6, not, not), 0), null);
  assert.equal(pendingSpan(links(1, 2, not, not, not, not, not), 0), null);
});

test("reasons that took most time have colours of their own", () => {
  const made = timeline({
    exits: [
      [0, 10, 0],
      [20, 90, 2],
      [100, 115, 1],
    ],
  });
  const colours = new ReasonColours(made);
  assert.deepEqual(colours.names, ["hlt", "io"]);
  assert.equal(colours.ofKind[0], colours.ofKind[1]);
  assert.notEqual(colours.colour(0), colours.colour(2));
});

test("more reasons than colours share the last one", () => {
  const many = Array.from({ length: 12 }, (_, i) => ({ reason: `r${i}`, key: "", cause: "guest" }));
  const made = timeline({ exits: many.map((_, i) => [i * 10, i * 10 + 9 - i / 2, i]) });
  made.facts = { ...facts, kinds: many };
  const colours = new ReasonColours(made);
  assert.equal(colours.names.length, 7);
  assert.equal(colours.ofKind[0], 0);
  assert.deepEqual(new Set([...colours.ofKind].slice(7)), new Set([7]));
});

test("an exit's name has its reason once", () => {
  assert.equal(exitName("io", "io port 0x3f8"), "io port 0x3f8");
  assert.equal(exitName("io", "port 0x3f8"), "io port 0x3f8");
  assert.equal(exitName("hlt", ""), "hlt");
});
