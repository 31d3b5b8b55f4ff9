// A timeline in typed arrays, a set for each vCPU. Times are ns from the timeline's begin.
import type { TimelineFacts, VcpuFacts } from "./facts";
import { Growing, float64s, uint32s, uint8s } from "./growing";

export const kOpen = 1; // flags of exits
export const kHalts = 2;
export const kToUser = 4;
export const kInVmm = 8;
export const kNotHere = 10; // the state of a stretch that this page leaves out
export const kComplete = 1; // flags of handlers
export const kHasEoi = 2;
export const kException = 1; // flags of injections
export const kReinjected = 2;
export const kLinks = 7;
export const enum Link {
  raised,
  accepted,
  kicked,
  injected,
  isrEntry,
  eoi,
  iret,
}

// Sorted by begin.
export interface Slices {
  begin: Float64Array;
  end: Float64Array;
}

export interface Exits extends Slices {
  kind: Uint32Array;
  flags: Uint8Array;
  userRow: Uint32Array; // exits that went to user space, and when
  userAt: Float64Array;
  vmmRow: Uint32Array; // exits of which the VMM tells its own stay
  vmm: Slices;
}

export interface Isrs extends Slices {
  flags: Uint8Array;
  eoi: Float64Array; // NaN: not seen
  vector: Uint32Array;
  workload: Uint32Array;
  depth: Uint32Array;
  story: Float64Array; // number of the story, 0: none
}

export interface Injections extends Slices {
  // end: the ISR's entry, or begin
  vector: Uint32Array;
  flags: Uint8Array;
  story: Float64Array;
}

export interface Events extends Slices {
  workload: Uint32Array;
  iteration: Float64Array;
  k1: Float64Array; // NaN: not seen
  k2: Float64Array;
  handler: Float64Array; // NaN: this vCPU
  user: Uint32Array;
  kernel: Uint32Array;
  async: Uint32Array;
}

export interface Stories extends Slices {
  id: Float64Array;
  shape: Uint32Array;
  links: Float64Array; // kLinks a story; NaN: not seen
  coalesced: Uint32Array;
  reinjections: Uint32Array;
  masked: Uint32Array;
}

export interface ColdPart {
  firstRow: number;
  rows: number;
  gzip: Uint8Array;
}

export interface VcpuTimeline {
  vcpu: number;
  facts: VcpuFacts;
  label: string; // "vCPU 1"
  vmLabel: string; // "VM 1 web"; empty where there is one VM only
  exits: Exits;
  states: Slices & { state: Uint8Array };
  steps: Slices & { text: Uint32Array };
  injections: Injections;
  isrs: Isrs;
  events: Events;
  stories: Stories;
  cold: ColdPart[];
}

export interface Timeline {
  facts: TimelineFacts;
  vcpus: VcpuTimeline[];
  begin: number; // of what is here
  end: number;
}

// A vCPU's arrays while they are read.
export class Gathering {
  readonly exits = { begin: float64s(), end: float64s(), kind: uint32s(), flags: uint8s() };
  readonly user = { row: uint32s(), at: float64s() };
  readonly vmm = { row: uint32s(), begin: float64s(), end: float64s() };
  readonly states = { begin: float64s(), state: uint8s(), last: NaN };
  readonly steps = { begin: float64s(), end: float64s(), text: uint32s() };
  readonly injections = {
    begin: float64s(),
    end: float64s(),
    vector: uint32s(),
    flags: uint8s(),
    story: float64s(),
  };
  readonly isrs = {
    begin: float64s(),
    end: float64s(),
    flags: uint8s(),
    eoi: float64s(),
    vector: uint32s(),
    workload: uint32s(),
    depth: uint32s(),
    story: float64s(),
  };
  readonly events = {
    begin: float64s(),
    end: float64s(),
    workload: uint32s(),
    iteration: float64s(),
    k1: float64s(),
    k2: float64s(),
    handler: float64s(),
    user: uint32s(),
    kernel: uint32s(),
    async: uint32s(),
  };
  readonly stories = {
    begin: float64s(),
    end: float64s(),
    id: float64s(),
    shape: uint32s(),
    links: float64s(),
    coalesced: uint32s(),
    reinjections: uint32s(),
    masked: uint32s(),
  };
  readonly cold: ColdPart[] = [];

  finish(facts: VcpuFacts, severalVms: boolean): VcpuTimeline {
    const exits = taken(this.exits);
    const vmm = taken(this.vmm);
    this.states.begin.push(this.states.last);
    const borders = this.states.begin.take();
    return {
      vcpu: facts.vcpu,
      facts,
      label: `vCPU ${facts.vcpu_id}`,
      vmLabel: severalVms ? `VM ${facts.vm} ${facts.vm_name}`.trim() : "",
      exits: {
        ...exits,
        userRow: this.user.row.take(),
        userAt: this.user.at.take(),
        vmmRow: vmm.row,
        vmm: { begin: vmm.begin, end: vmm.end },
      },
      states: {
        begin: borders.subarray(0, borders.length - 1),
        end: borders.subarray(1),
        state: this.states.state.take(),
      },
      steps: taken(this.steps),
      injections: taken(this.injections),
      isrs: inOrder(taken(this.isrs)),
      events: inOrder(taken(this.events)),
      stories: inOrder(taken(this.stories)),
      cold: this.cold,
    };
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- of any element type; Taken has the type of each
type Arrays = Record<string, Growing<any>>;
type Taken<T extends Arrays> = { [K in keyof T]: T[K] extends Growing<infer A> ? A : never };

function taken<T extends Arrays>(growing: T): Taken<T> {
  return Object.fromEntries(Object.entries(growing).map(([name, items]) => [name, items.take()])) as Taken<T>;
}

// Chunks are sorted; where one reaches into the next the whole is sorted again.
function inOrder<T extends Slices>(slices: T): T {
  const begin = slices.begin;
  let sorted = true;
  for (let i = 1; i < begin.length && sorted; ++i) sorted = begin[i] >= begin[i - 1];
  if (sorted) return slices;
  const order = Uint32Array.from(begin, (_, i) => i).sort((a, b) => begin[a] - begin[b] || a - b);
  const result: Record<string, unknown> = {};
  for (const [name, items] of Object.entries(slices)) {
    const from = items as Float64Array;
    const width = begin.length === 0 ? 1 : from.length / begin.length;
    const to = new (from.constructor as new (length: number) => Float64Array)(from.length);
    order.forEach((row, place) => {
      for (let i = 0; i < width; ++i) to[place * width + i] = from[row * width + i]!;
    });
    result[name] = to;
  }
  return result as unknown as T;
}
