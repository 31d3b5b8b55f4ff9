// Timelines made by hand, as decode.ts would make them.
import { Gathering } from "../../../viewer/web/src/timeline";

export const facts = {
  schema: "trapline.packed/1",
  kinds: [
    { reason: "io", key: "port 0x40 out 1", cause: "guest" },
    { reason: "io", key: "port 0x402 out 1", cause: "guest" },
    { reason: "hlt", key: "", cause: "guest" },
    null,
  ],
  texts: [{ text: "copy the context", kind: "copy" }],
  shapes: [
    { vector: 0x40, source: "timer", by: [1, 0, 0, 1, 1, 0, 0], missing: 0, depth: 0 },
    { vector: 0x41, source: "device", by: [0, 1, 0, 0, 1, 0, 0], missing: 0, depth: 0 },
  ],
  vectors: { 64: "0x40", 65: "0x41" },
  user_reasons: {},
  workloads: { 1: "int80" },
  states: ["guest", "kvm"],
  links: [],
  linked_by: [],
  counts: { exits: 1 },
  vcpus: [{ vcpu: 0, vm: 0, vcpu_id: 0, vm_name: "" }],
};

// exits: [begin, end, kind]; isrs: [begin, end, vector, depth]; stories: [shape, links of 7].
export function timeline({ exits = [], isrs = [], stories = [], events = [] }) {
  const to = new Gathering();
  for (const [begin, end, kind] of exits) push(to.exits, { begin, end, kind, flags: 0 });
  for (const [begin, end, vector, depth] of isrs)
    push(to.isrs, { begin, end, vector, depth, flags: 0, eoi: NaN, workload: 0, story: 0 });
  for (const [begin, end, workload] of events)
    push(to.events, {
      begin,
      end,
      workload,
      iteration: 0,
      k1: NaN,
      k2: NaN,
      handler: NaN,
      user: 0,
      kernel: 0,
      async: 0,
    });
  for (const [shape, links] of stories) {
    const seen = links.filter((at) => !Number.isNaN(at));
    push(to.stories, {
      begin: Math.min(...seen),
      end: Math.max(...seen),
      id: 1,
      shape,
      coalesced: 0,
      reinjections: 0,
      masked: 0,
    });
    for (const at of links) to.stories.links.push(at);
  }
  to.states.begin.push(0);
  to.states.state.push(0);
  to.states.last = 1000;
  return { facts, vcpus: [to.finish(facts.vcpus[0], false)], begin: 0, end: 1000 };
}

function push(arrays, values) {
  for (const [name, value] of Object.entries(values)) arrays[name].push(value);
}
