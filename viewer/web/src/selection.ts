// What the reader pointed at: a row of one of a vCPU's tables.
import type { Lane, LaneKind } from "./lanes";
import { kLinks, type Timeline, type VcpuTimeline } from "./timeline";

export interface Selected {
  kind: LaneKind; // "pending" stands for a story
  vcpu: VcpuTimeline;
  row: number;
}

export function spanOf({ kind, vcpu, row }: Selected): [number, number] {
  const slices = kind === "pending" ? vcpu.stories : kind === "vmm" ? vcpu.exits : vcpu[kind];
  return [slices.begin[row], slices.end[row]];
}

// The story that it has a part in, as a row of the stories of its vCPU; -1: none.
export function storyOf(selected: Selected): number {
  const { kind, vcpu, row } = selected;
  if (kind === "pending") return row;
  if (kind === "injections") return storyWithId(vcpu, vcpu.injections.story[row]);
  if (kind === "isrs") return storyWithId(vcpu, vcpu.isrs.story[row]);
  return -1;
}

const rowsById = new WeakMap<VcpuTimeline, Map<number, number>>();

export function storyWithId(vcpu: VcpuTimeline, id: number): number {
  if (id === 0) return -1;
  let rows = rowsById.get(vcpu);
  if (!rows) {
    rows = new Map();
    vcpu.stories.id.forEach((number, row) => rows!.set(number, row));
    rowsById.set(vcpu, rows);
  }
  return rows.get(id) ?? -1;
}

export const linkAt = (vcpu: VcpuTimeline, story: number, link: number): number =>
  vcpu.stories.links[story * kLinks + link];

// One sentence for those who hear the page instead of seeing it.
export function spoken(timeline: Timeline, lanes: Lane[], selected: Selected, words: (ns: number) => string): string {
  const lane = lanes.find((one) => one.kind === selected.kind && one.vcpu === selected.vcpu);
  const [begin, end] = spanOf(selected);
  const name = lane ? lane.label(selected.row) : timeline.facts.links[0];
  return `${selected.vcpu.label}: ${name}, ${words(end - begin)} at ${words(begin)}`;
}
