// What is drawn: for each vCPU its lanes, each a track with the colours of its categories.
import * as palette from "./palette";
import { kReinjected, kNotHere, Link, kLinks, type Slices, type Timeline, type VcpuTimeline } from "./timeline";
import { Track } from "./track";

export type LaneKind = "states" | "exits" | "vmm" | "steps" | "injections" | "isrs" | "events" | "pending";

export interface Lane {
  kind: LaneKind;
  vcpu: VcpuTimeline;
  name: string;
  height: number; // in CSS pixels
  track: Track;
  colours: palette.Colour[]; // by category
  full: boolean; // a pixel's shares add up to all of it
  label(row: number): string;
}

// Which category each kind of exit is in: those that take the most time have their own.
export class ReasonColours {
  readonly ofKind: Uint8Array;
  readonly names: string[];

  constructor(timeline: Timeline) {
    const kinds = timeline.facts.kinds;
    const totals = new Map<string, number>();
    for (const { exits } of timeline.vcpus) {
      for (let i = 0; i < exits.begin.length; ++i) {
        const reason = kinds[exits.kind[i]]?.reason ?? "?";
        totals.set(reason, (totals.get(reason) ?? 0) + exits.end[i] - exits.begin[i]);
      }
    }
    const own = palette.kReasons.length - 1;
    const ranked = [...totals.entries()].sort((a, b) => b[1] - a[1]).map(([reason]) => reason);
    this.names = ranked.slice(0, own);
    this.ofKind = Uint8Array.from(kinds, (kind) => {
      const rank = this.names.indexOf(kind?.reason ?? "?");
      return rank < 0 ? own : rank;
    });
  }

  colour(kind: number): palette.Colour {
    return palette.kReasons[this.ofKind[kind] ?? palette.kReasons.length - 1];
  }
}

const plain = (length: number) => new Uint8Array(length);
// Of slices in a row every other one has the second colour: one sees where they touch.
const alternating = (length: number) => Uint8Array.from({ length }, (_, i) => i & 1);

function chosen(slices: Slices, rows: Uint32Array): Slices {
  return {
    begin: Float64Array.from(rows, (row) => slices.begin[row]),
    end: Float64Array.from(rows, (row) => slices.end[row]),
  };
}

export function vectorName(timeline: Timeline, vector: number): string {
  return timeline.facts.vectors[String(vector)] ?? `0x${vector.toString(16)}`;
}

function stateLanes(timeline: Timeline, vcpu: VcpuTimeline): Lane[] {
  const names = timeline.facts.states;
  const colours = names.map(palette.stateColour);
  while (colours.length <= kNotHere) colours.push(palette.kNothing);
  const track = new Track({ ...vcpu.states, category: vcpu.states.state }, colours.length);
  const label = (row: number) => names[vcpu.states.state[row]] ?? "not in this page";
  return [{ kind: "states", vcpu, name: "state", height: 24, track, colours, full: true, label }];
}

// "io port 0x3f8 out 1", but not "msr msr 0x80b".
export function exitName(reason: string, key: string): string {
  return key.startsWith(reason) ? key : `${reason} ${key}`.trim();
}

function exitLanes(timeline: Timeline, vcpu: VcpuTimeline, reasons: ReasonColours): Lane[] {
  const { exits } = vcpu;
  const category = Uint8Array.from(exits.kind, (kind) => reasons.ofKind[kind]);
  const label = (row: number) => {
    const kind = timeline.facts.kinds[exits.kind[row]];
    return kind ? exitName(kind.reason, kind.key) : "?";
  };
  const track = new Track({ ...exits, category }, palette.kReasons.length);
  const lanes: Lane[] = [
    { kind: "exits", vcpu, name: "exits", height: 24, track, colours: palette.kReasons, full: false, label },
  ];
  if (exits.vmm.begin.length > 0) {
    const stays = new Track({ ...exits.vmm, category: plain(exits.vmm.begin.length) }, 1, exits.vmmRow);
    const name = (row: number) => `VMM: ${label(row)}`;
    lanes.push({
      kind: "vmm",
      vcpu,
      name: "VMM",
      height: 15,
      track: stays,
      colours: [palette.kVmm],
      full: false,
      label: name,
    });
  }
  if (vcpu.steps.begin.length > 0) {
    const steps = new Track({ ...vcpu.steps, category: alternating(vcpu.steps.begin.length) }, 2);
    const name = (row: number) => timeline.facts.texts[vcpu.steps.text[row]]?.text ?? "?";
    lanes.push({
      kind: "steps",
      vcpu,
      name: "VMM steps",
      height: 15,
      track: steps,
      colours: palette.kStep,
      full: false,
      label: name,
    });
  }
  return lanes;
}

function injectionLanes(timeline: Timeline, vcpu: VcpuTimeline): Lane[] {
  const { injections } = vcpu;
  if (injections.begin.length === 0) return [];
  const track = new Track({ ...injections, category: plain(injections.begin.length) }, 1);
  const label = (row: number) => {
    const again = injections.flags[row] & kReinjected ? "again " : "";
    return `inject ${again}${vectorName(timeline, injections.vector[row])}`;
  };
  return [
    {
      kind: "injections",
      vcpu,
      name: "injections",
      height: 15,
      track,
      colours: [palette.kInjection],
      full: false,
      label,
    },
  ];
}

// One for each depth: handlers that interrupt others lie below them.
function isrLanes(timeline: Timeline, vcpu: VcpuTimeline): Lane[] {
  const { isrs } = vcpu;
  const kMostDepths = 4;
  const byDepth: number[][] = [];
  isrs.depth.forEach((depth, row) => (byDepth[Math.min(depth, kMostDepths - 1)] ??= []).push(row));
  const label = (row: number) => `ISR ${vectorName(timeline, isrs.vector[row])}`;
  return byDepth.flatMap((list, depth): Lane[] => {
    const rows = Uint32Array.from(list);
    const track = new Track({ ...chosen(isrs, rows), category: plain(rows.length) }, 1, rows);
    const name = depth === 0 ? "guest ISR" : "nested ISR";
    return [{ kind: "isrs", vcpu, name, height: 15, track, colours: [palette.kIsr], full: false, label }];
  });
}

function eventLanes(timeline: Timeline, vcpu: VcpuTimeline): Lane[] {
  const { events } = vcpu;
  if (events.begin.length === 0) return [];
  const track = new Track({ ...events, category: alternating(events.begin.length) }, 2);
  const label = (row: number) => timeline.facts.workloads[String(events.workload[row])] ?? "?";
  return [{ kind: "events", vcpu, name: "workload", height: 15, track, colours: palette.kEvent, full: false, label }];
}

// From raised (or accepted) to injected: one lane a vector, for they wait side by side.
function pendingLanes(timeline: Timeline, vcpu: VcpuTimeline): Lane[] {
  const kMostVectors = 12;
  const { stories } = vcpu;
  const byVector = new Map<number, number[]>();
  for (let row = 0; row < stories.begin.length; ++row) {
    if (pendingSpan(vcpu, row) === null) continue;
    const vector = timeline.facts.shapes[stories.shape[row]].vector;
    const rows = byVector.get(vector);
    if (rows) rows.push(row);
    else byVector.set(vector, [row]);
  }
  const label = (row: number) => `pending ${vectorName(timeline, timeline.facts.shapes[stories.shape[row]].vector)}`;
  return [...byVector.entries()]
    .sort((a, b) => b[1].length - a[1].length)
    .slice(0, kMostVectors)
    .sort((a, b) => a[0] - b[0])
    .map(([vector, list]): Lane => {
      const rows = Uint32Array.from(list);
      const begin = Float64Array.from(rows, (row) => pendingSpan(vcpu, row)![0]);
      const end = Float64Array.from(rows, (row, i) => {
        const next = i + 1 < rows.length ? begin[i + 1] : Infinity;
        return Math.min(pendingSpan(vcpu, row)![1], next);
      });
      const track = new Track({ begin, end, category: plain(rows.length) }, 1, rows);
      const name = `pending ${vectorName(timeline, vector)}`;
      return { kind: "pending", vcpu, name, height: 13, track, colours: [palette.kPending], full: false, label };
    });
}

// When a story's interrupt waited to be injected; null: it did not, or nothing tells.
export function pendingSpan(vcpu: VcpuTimeline, story: number): [number, number] | null {
  const at = (link: Link) => vcpu.stories.links[story * kLinks + link];
  const raised = at(Link.raised);
  const accepted = at(Link.accepted);
  const begin = Number.isNaN(raised) ? accepted : raised;
  const injected = at(Link.injected);
  const end = Number.isNaN(injected) ? at(Link.isrEntry) : injected;
  return end >= begin && !Number.isNaN(begin) ? [begin, end] : null;
}

export function makeLanes(timeline: Timeline, reasons: ReasonColours): Lane[] {
  return timeline.vcpus.flatMap((vcpu) => [
    ...stateLanes(timeline, vcpu),
    ...exitLanes(timeline, vcpu, reasons),
    ...injectionLanes(timeline, vcpu),
    ...isrLanes(timeline, vcpu),
    ...eventLanes(timeline, vcpu),
    ...pendingLanes(timeline, vcpu),
  ]);
}
