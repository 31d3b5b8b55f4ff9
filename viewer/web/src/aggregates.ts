// The figures of a stretch of time: of the exits that begin in it, by reason and key.
import { percentile } from "./percentiles";
import type { Timeline } from "./timeline";
import { lowerBound } from "./track";

export interface Aggregate {
  reason: string;
  key: string;
  cause: string;
  count: number;
  total_ns: number;
  p50_ns: number | null; // null: too many to sort while somebody drags
  p99_ns: number | null;
}

const kSortedWhileDragging = 400_000;

interface Group {
  kind: number;
  count: number;
  total: number;
}

export function aggregate(timeline: Timeline, from: number, to: number, dragging: boolean): Aggregate[] {
  const groups = new Map<number, Group>();
  const spans = timeline.vcpus.map(({ exits }) => ({
    exits,
    first: lowerBound(exits.begin, from, 0),
    last: lowerBound(exits.begin, to, 0),
  }));
  const all = spans.reduce((sum, { first, last }) => sum + last - first, 0);
  for (const { exits, first, last } of spans) {
    for (let i = first; i < last; ++i) {
      const kind = exits.kind[i];
      let group = groups.get(kind);
      if (!group) groups.set(kind, (group = { kind, count: 0, total: 0 }));
      ++group.count;
      group.total += exits.end[i] - exits.begin[i];
    }
  }
  const sorted = dragging && all > kSortedWhileDragging ? null : durations(spans, groups);
  return [...groups.values()]
    .sort((a, b) => b.total - a.total)
    .map(({ kind, count, total }) => {
      const what = timeline.facts.kinds[kind];
      const of = sorted?.get(kind);
      return {
        reason: what?.reason ?? "?",
        key: what?.key ?? "",
        cause: what?.cause ?? "?",
        count,
        total_ns: total,
        p50_ns: of ? percentile(of, 50) : null,
        p99_ns: of ? percentile(of, 99) : null,
      };
    });
}

type Span = { exits: Timeline["vcpus"][number]["exits"]; first: number; last: number };

function durations(spans: Span[], groups: Map<number, Group>): Map<number, Float64Array> {
  const arrays = new Map([...groups.values()].map(({ kind, count }) => [kind, new Float64Array(count)]));
  const filled = new Map<number, number>();
  for (const { exits, first, last } of spans) {
    for (let i = first; i < last; ++i) {
      const kind = exits.kind[i];
      const at = filled.get(kind) ?? 0;
      arrays.get(kind)![at] = exits.end[i] - exits.begin[i];
      filled.set(kind, at + 1);
    }
  }
  for (const array of arrays.values()) array.sort();
  return arrays;
}
