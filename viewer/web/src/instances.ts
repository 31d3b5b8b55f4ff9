// From a row of a table to the slices that it sums up: their durations, and the worst of them.
import type { Row } from "./facts";
import { linkAt, type Selected } from "./selection";
import { Link, type Timeline, type VcpuTimeline } from "./timeline";

export interface Instances {
  durations: Float64Array;
  worst: Selected | null;
}

// The longest one's row decides; `length` NaN: it does not count.
function collect(vcpu: VcpuTimeline, kind: Selected["kind"], rows: number, length: (row: number) => number): Instances {
  const durations: number[] = [];
  let worst = -1;
  let longest = -1;
  for (let row = 0; row < rows; ++row) {
    const ns = length(row);
    if (Number.isNaN(ns)) continue;
    durations.push(ns);
    if (ns > longest) [worst, longest] = [row, ns];
  }
  return { durations: Float64Array.from(durations), worst: worst < 0 ? null : { kind, vcpu, row: worst } };
}

const kNothing: Instances = { durations: new Float64Array(0), worst: null };
const kOpenFlag = 1;

export class InstancesOf {
  constructor(private readonly timeline: Timeline) {}

  private vcpuOf(row: Row): VcpuTimeline | undefined {
    return this.timeline.vcpus.find(
      ({ facts }) => facts.vcpu_id === row["vcpu"] && facts.vm === (row["vm"] ?? facts.vm),
    );
  }

  exits(row: Row): Instances {
    const vcpu = this.vcpuOf(row);
    if (!vcpu) return kNothing;
    const wanted = Uint8Array.from(this.timeline.facts.kinds, (kind) =>
      kind && kind.reason === row["reason"] && kind.key === row["key"] && kind.cause === row["cause"] ? 1 : 0,
    );
    const { begin, end, kind, flags } = vcpu.exits;
    return collect(vcpu, "exits", begin.length, (i) =>
      wanted[kind[i]] && !(flags[i] & kOpenFlag) ? end[i] - begin[i] : NaN,
    );
  }

  interrupts(row: Row, stretch: string): Instances {
    const vcpu = this.vcpuOf(row);
    const links = kLinksOf[stretch];
    if (!vcpu || !links) return kNothing;
    const shapes = this.timeline.facts.shapes.map(
      ({ vector, source }) => vector === row["vector"] && source === row["source"],
    );
    const { shape, begin } = vcpu.stories;
    return collect(vcpu, "pending", begin.length, (i) => {
      if (!shapes[shape[i]]) return NaN;
      const ns = linkAt(vcpu, i, links[1]) - linkAt(vcpu, i, links[0]);
      return ns < 0 ? 0 : ns; // as the report has it
    });
  }

  workloads(row: Row): Instances {
    const vcpu = this.vcpuOf(row);
    if (!vcpu) return kNothing;
    const names = this.timeline.facts.workloads;
    const { begin, end, workload } = vcpu.events;
    return collect(vcpu, "events", begin.length, (i) =>
      names[String(workload[i])] === row["workload"] ? end[i] - begin[i] : NaN,
    );
  }

  steps(row: Row): Instances {
    const vcpu = this.vcpuOf(row);
    if (!vcpu) return kNothing;
    const wanted = this.timeline.facts.texts.map(({ kind }) => kind === row["step"]);
    const { begin, end, text } = vcpu.steps;
    return collect(vcpu, "steps", begin.length, (i) => (wanted[text[i]] ? end[i] - begin[i] : NaN));
  }
}

const kLinksOf: Record<string, [Link, Link] | undefined> = {
  raised_to_accepted: [Link.raised, Link.accepted],
  accepted_to_injected: [Link.accepted, Link.injected],
  injected_to_isr: [Link.injected, Link.isrEntry],
  raised_to_isr: [Link.raised, Link.isrEntry],
  isr_to_eoi: [Link.isrEntry, Link.eoi],
  isr_to_iret: [Link.isrEntry, Link.iret],
  raised_to_iret: [Link.raised, Link.iret],
};
