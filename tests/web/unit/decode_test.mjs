import assert from "node:assert/strict";
import { test } from "node:test";

import { readTimeline } from "../../../viewer/web/src/decode";
import { kInVmm, kNotHere, kToUser } from "../../../viewer/web/src/timeline";
import { columns, distances, fakeDocument, numbers, poolReference, reference } from "./packer.mjs";
import { facts } from "./timelines.mjs";

// vCPU, then the rows of exits, ISRs, states, steps, injections, events, stories.
const head = (...rows) => numbers(0, ...rows);
const none = (count) => columns(...Array.from({ length: count }, () => []));

const noStates = columns(distances(0), [], []); // the begin of the first is there in any case

function twoExits() {
  // 100..150 in the kernel; 200..290 through user space at 210, in the VMM 220..280.
  const begin = distances(100, 50);
  return columns(
    begin,
    distances(50, 90),
    numbers(0, 2),
    numbers(0, kToUser | kInVmm),
    distances(10),
    distances(10),
    distances(60),
  );
}

// A vCPU's columns of which only exits and states hold something.
function hotColumns({ exits = none(7), exitCount = 0, states = noStates, stateCount = 0 }) {
  return [
    ...head(exitCount, 0, stateCount, 0, 0, 0, 0),
    ...exits,
    ...none(8),
    ...states,
    ...none(3),
    ...none(5),
    ...none(11),
    ...none(6),
  ];
}

test("exits have their times, user space and the VMM's stay", async () => {
  fakeDocument(facts, [["hot", hotColumns({ exits: twoExits(), exitCount: 2 })]]);
  const [vcpu] = (await readTimeline(0)).vcpus;
  assert.deepEqual([...vcpu.exits.begin], [100, 200]);
  assert.deepEqual([...vcpu.exits.end], [150, 290]);
  assert.deepEqual([...vcpu.exits.kind], [0, 2]);
  assert.deepEqual([[...vcpu.exits.userRow], [...vcpu.exits.userAt]], [[1], [210]]);
  assert.deepEqual([[...vcpu.exits.vmm.begin], [...vcpu.exits.vmm.end]], [[220], [280]]);
});

test("states end at times of the pool or at distances from the last", async () => {
  // The pool: 100 150 200 210 220 280 290. From 90: until 100 by the pool, until 205 by distance, until 290 by the pool.
  const states = columns(distances(90), numbers(0, 1, 0), [
    ...poolReference(0),
    ...reference(100, 205),
    ...poolReference(3),
  ]);
  fakeDocument(facts, [["hot", hotColumns({ exits: twoExits(), exitCount: 2, states, stateCount: 3 })]]);
  const timeline = await readTimeline(0);
  const { states: read } = timeline.vcpus[0];
  assert.deepEqual([...read.begin], [90, 100, 205]);
  assert.deepEqual([...read.end], [100, 205, 290]);
  assert.deepEqual([...read.state], [0, 1, 0]);
  assert.deepEqual([timeline.begin, timeline.end], [90, 290]);
});

test("what lies between two chunks is not in this page", async () => {
  const chunk = (from, to) => {
    const states = columns(distances(from), numbers(1), reference(from, to));
    return ["hot", hotColumns({ states, stateCount: 1 })];
  };
  fakeDocument(facts, [chunk(10, 20), chunk(50, 60)]);
  const { states } = (await readTimeline(0)).vcpus[0];
  assert.deepEqual([...states.begin], [10, 20, 50]);
  assert.deepEqual([...states.state], [1, kNotHere, 1]);
});

test("data that is damaged or of another format is refused", async () => {
  const whole = [...head(2, 0, 0, 0, 0, 0, 0), ...twoExits()];
  fakeDocument(facts, [["hot", whole]]);
  await assert.rejects(readTimeline(0), /cut off/);
  const far = columns(distances(0), numbers(1), poolReference(3));
  fakeDocument(facts, [["hot", [...head(0, 0, 1, 0, 0, 0, 0), ...none(7), ...none(8), ...far]]]);
  await assert.rejects(readTimeline(0), /damaged/);
  fakeDocument({ ...facts, schema: "trapline.packed/2" }, []);
  await assert.rejects(readTimeline(0), /trapline.packed\/2/);
  await assert.rejects(readTimeline(1), /no timeline 1/);
});
