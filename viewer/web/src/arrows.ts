// Arrows along an interrupt's story: from where it was raised, through its wait and its injection, to its ISR.
import type { Lane } from "./lanes";
import { linkAt } from "./selection";
import { Link, type Timeline, type VcpuTimeline } from "./timeline";
import { lowerBound } from "./track";

export interface Point {
  time: number;
  lane: Lane;
}

export interface Arrow {
  from: Point;
  to: Point;
  link: number; // that it leads to
}

const laneOf = (lanes: Lane[], vcpu: VcpuTimeline, kind: Lane["kind"], row?: (lane: Lane) => boolean) =>
  lanes.find((lane) => lane.vcpu === vcpu && lane.kind === kind && (row === undefined || row(lane)));

// Where the story was raised: the exit of the vCPU that sent it, or its own wait.
function raisedPoint(timeline: Timeline, lanes: Lane[], vcpu: VcpuTimeline, story: number): Point | null {
  const time = linkAt(vcpu, story, Link.raised);
  if (Number.isNaN(time)) return null;
  const by = timeline.facts.shapes[vcpu.stories.shape[story]].raised_by_vcpu;
  const sender = by === null ? undefined : timeline.vcpus.find((one) => one.vcpu === by);
  const lane = sender && laneOf(lanes, sender, "exits");
  return lane ? { time, lane } : null;
}

export function storyArrows(timeline: Timeline, lanes: Lane[], vcpu: VcpuTimeline, story: number): Arrow[] {
  const points: [Point, number][] = [];
  const put = (lane: Lane | undefined, link: number) => {
    const time = linkAt(vcpu, story, link);
    if (lane && !Number.isNaN(time)) points.push([{ time, lane }, link]);
  };
  const raised = raisedPoint(timeline, lanes, vcpu, story);
  if (raised) points.push([raised, Link.raised]);
  const pending = laneOf(lanes, vcpu, "pending", (lane) => lane.track.sliceOf(story) >= 0);
  const isrRow = isrOf(vcpu, story);
  const isr = laneOf(lanes, vcpu, "isrs", (lane) => isrRow >= 0 && lane.track.sliceOf(isrRow) >= 0);
  put(pending, Number.isNaN(linkAt(vcpu, story, Link.accepted)) || !raised ? Link.raised : Link.accepted);
  if (points.length === 0) put(pending, Link.accepted);
  put(laneOf(lanes, vcpu, "injections"), Link.injected);
  put(isr, Link.isrEntry);
  return points.slice(1).map(([to, link], i) => ({ from: points[i][0], to, link }));
}

// The handler that the story led to.
export function isrOf(vcpu: VcpuTimeline, story: number): number {
  const entry = linkAt(vcpu, story, Link.isrEntry);
  if (Number.isNaN(entry)) return -1;
  const { isrs, stories } = vcpu;
  for (let row = lowerBound(isrs.begin, entry, 0); isrs.begin[row] === entry; ++row) {
    if (isrs.story[row] === stories.id[story]) return row;
  }
  return -1;
}

const kMostStories = 24; // more arrows than these are no help

// The stories whose arrows a view of this stretch shows; none where there would be too many.
export function storiesIn(vcpu: VcpuTimeline, from: number, to: number): number[] {
  const { begin, end } = vcpu.stories;
  const last = lowerBound(begin, to, 0);
  const found: number[] = [];
  // Those that began long before are not looked for.
  for (let row = last - 1; row >= 0 && row >= last - 4 * kMostStories; --row) {
    if (end[row] >= from) found.push(row);
    if (found.length > kMostStories) return [];
  }
  return found;
}
