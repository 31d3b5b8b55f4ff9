// Packed chunks to typed arrays. The columns and their order are viewer/web/timeline_chunk.cpp's.
import { ColumnReader, fromBase64, gunzip, unzigzag, type Column } from "./bytes";
import { packedParts, timelineFacts } from "./document";
import { float64s } from "./growing";
import { Gathering, kHasEoi, kInVmm, kLinks, kNotHere, kToUser, type Timeline } from "./timeline";
import type { StoryShape, VcpuFacts } from "./facts";

// Times that are in the chunk's pool are told as places in it.
class References {
  private near = 0;

  constructor(private readonly times: Float64Array) {}

  read(previous: number, column: Column): number {
    const times = this.times;
    const value = column.number();
    while (this.near < times.length && times[this.near] < previous) ++this.near;
    while (this.near > 0 && times[this.near - 1] >= previous) --this.near;
    const distance = unzigzag(Math.floor(value / 2));
    if (value % 2 === 1) return previous + distance;
    const time = times[this.near + distance];
    if (time === undefined) throw new Error("the data of this page is damaged");
    return time;
  }
}

function settled(times: Float64Array): Float64Array {
  times.sort();
  let kept = 0;
  for (let i = 0; i < times.length; ++i) {
    if (i === 0 || times[i] !== times[i - 1]) times[kept++] = times[i]!;
  }
  return times.subarray(0, kept);
}

type Pool = ReturnType<typeof float64s>;

function readExits(reader: ColumnReader, rows: number, to: Gathering, pool: Pool): void {
  const [begin, duration, kind, flags, toUser, toVmm, inVmm] = reader.columns(7) as Column7;
  let previous = 0;
  for (let i = 0; i < rows; ++i) {
    const row = to.exits.begin.length;
    const at = previous + begin.distance();
    const end = at + duration.distance();
    const bits = flags.number();
    pool.push(at);
    to.exits.begin.push(at);
    to.exits.end.push(end);
    to.exits.kind.push(kind.number());
    to.exits.flags.push(bits);
    let left = at;
    if (bits & kToUser) {
      left = at + toUser.distance();
      to.user.row.push(row);
      to.user.at.push(left);
      pool.push(left);
    }
    if (bits & kInVmm) {
      const vmmBegin = left + toVmm.distance();
      const vmmEnd = vmmBegin + inVmm.distance();
      to.vmm.row.push(row);
      to.vmm.begin.push(vmmBegin);
      to.vmm.end.push(vmmEnd);
      pool.push(vmmBegin);
      pool.push(vmmEnd);
    }
    pool.push(end);
    previous = end;
  }
}
type Column7 = [Column, Column, Column, Column, Column, Column, Column];

function readIsrs(reader: ColumnReader, rows: number, to: Gathering, pool: Pool): void {
  const columns = reader.columns(8);
  const [entry, duration, flags, toEoi, vector, workload, depth] = columns as Column7;
  const story = columns[7];
  let previous = 0;
  let number = 0;
  for (let i = 0; i < rows; ++i) {
    const at = previous + entry.distance();
    const end = at + duration.distance();
    const bits = flags.number();
    const eoi = bits & kHasEoi ? at + toEoi.distance() : NaN;
    number += story.distance();
    to.isrs.begin.push(at);
    to.isrs.end.push(end);
    to.isrs.flags.push(bits);
    to.isrs.eoi.push(eoi);
    to.isrs.vector.push(vector.number());
    to.isrs.workload.push(workload.number());
    to.isrs.depth.push(depth.number());
    to.isrs.story.push(number);
    pool.push(at);
    if (bits & kHasEoi) pool.push(eoi);
    pool.push(end);
    previous = at;
  }
}

function readStates(reader: ColumnReader, rows: number, to: Gathering, pool: Float64Array): void {
  const [first, code, end] = reader.columns(3) as [Column, Column, Column];
  const references = new References(pool);
  let previous = first.distance();
  const states = to.states;
  if (rows > 0 && states.begin.length > 0 && previous > states.last) {
    states.begin.push(states.last);
    states.state.push(kNotHere);
  }
  for (let i = 0; i < rows; ++i) {
    states.begin.push(previous);
    states.state.push(code.number());
    previous = references.read(previous, end);
  }
  if (rows > 0) states.last = previous;
}

function readSteps(reader: ColumnReader, rows: number, to: Gathering, pool: Float64Array): void {
  const [begin, end, text] = reader.columns(3) as [Column, Column, Column];
  const references = new References(pool);
  let previous = 0;
  for (let i = 0; i < rows; ++i) {
    const at = references.read(previous, begin);
    previous = references.read(at, end);
    to.steps.begin.push(at);
    to.steps.end.push(previous);
    to.steps.text.push(text.number());
  }
}

function readInjections(reader: ColumnReader, rows: number, to: Gathering, pool: Float64Array): void {
  const columns = reader.columns(5) as [Column, Column, Column, Column, Column];
  const [entry, vector, flags, isrEntry, story] = columns;
  const references = new References(pool);
  let previous = 0;
  let number = 0;
  for (let i = 0; i < rows; ++i) {
    const at = references.read(previous, entry);
    const bits = flags.number();
    number += story.distance();
    to.injections.begin.push(at);
    to.injections.end.push(bits & 4 ? Math.max(at, references.read(at, isrEntry)) : at);
    to.injections.vector.push(vector.number());
    to.injections.flags.push(bits);
    to.injections.story.push(number);
    previous = at;
  }
}

function readEvents(reader: ColumnReader, rows: number, to: Gathering, pool: Float64Array): void {
  const columns = reader.columns(11);
  const [workload, iteration, flags, u0, k1, k2, u3] = columns as Column7;
  const [handler, user, kernel, async] = columns.slice(7) as [Column, Column, Column, Column];
  const references = new References(pool);
  let previous = 0;
  let count = 0;
  for (let i = 0; i < rows; ++i) {
    count += iteration.distance();
    const bits = flags.number();
    const begin = references.read(previous, u0);
    let latest = begin;
    const time = (column: Column) => (latest = references.read(latest, column));
    to.events.workload.push(workload.number());
    to.events.iteration.push(count);
    to.events.begin.push(begin);
    to.events.k1.push(bits & 1 ? time(k1) : NaN);
    to.events.k2.push(bits & 2 ? time(k2) : NaN);
    to.events.end.push(time(u3));
    to.events.handler.push(bits & 4 ? handler.number() : NaN);
    to.events.user.push(user.number());
    to.events.kernel.push(kernel.number());
    to.events.async.push(async.number());
    previous = latest;
  }
}

function readStories(
  reader: ColumnReader,
  rows: number,
  to: Gathering,
  pool: Float64Array,
  shapes: StoryShape[],
): void {
  const columns = reader.columns(6) as [Column, Column, Column, Column, Column, Column];
  const [id, shape, links, coalesced, reinjections, masked] = columns;
  const references = new References(pool);
  let previous = 0;
  let number = 0;
  for (let i = 0; i < rows; ++i) {
    number += id.distance();
    const shapeNumber = shape.number();
    const by = shapes[shapeNumber]?.by ?? [];
    let latest = previous;
    let begin = Infinity;
    let end = -Infinity;
    for (let link = 0; link < kLinks; ++link) {
      if (!by[link]) {
        to.stories.links.push(NaN);
        continue;
      }
      latest = references.read(latest, links);
      to.stories.links.push(latest);
      begin = Math.min(begin, latest);
      end = Math.max(end, latest);
    }
    if (begin === Infinity) begin = end = 0;
    to.stories.id.push(number);
    to.stories.shape.push(shapeNumber);
    to.stories.begin.push(begin);
    to.stories.end.push(end);
    to.stories.coalesced.push(coalesced.number());
    to.stories.reinjections.push(reinjections.number());
    to.stories.masked.push(masked.number());
    previous = begin;
  }
}

class Decoder {
  private readonly vcpus = new Map<number, Gathering>();
  private latest: { of: Gathering; firstRow: number; rows: number } | null = null;

  constructor(private readonly shapes: StoryShape[]) {}

  hot(bytes: Uint8Array): void {
    const reader = new ColumnReader(bytes);
    const vcpu = reader.number();
    const [exits, isrs, states, steps, injections, events, stories] = Array.from({ length: 7 }, () =>
      reader.number(),
    ) as [number, number, number, number, number, number, number];
    let to = this.vcpus.get(vcpu);
    if (!to) this.vcpus.set(vcpu, (to = new Gathering()));
    this.latest = { of: to, firstRow: to.exits.begin.length, rows: exits };
    const times = float64s();
    readExits(reader, exits, to, times);
    readIsrs(reader, isrs, to, times);
    const pool = settled(times.take());
    readStates(reader, states, to, pool);
    readSteps(reader, steps, to, pool);
    readInjections(reader, injections, to, pool);
    readEvents(reader, events, to, pool);
    readStories(reader, stories, to, pool, this.shapes);
  }

  cold(gzip: Uint8Array): void {
    if (!this.latest) throw new Error("the data of this page is damaged");
    this.latest.of.cold.push({ firstRow: this.latest.firstRow, rows: this.latest.rows, gzip });
  }

  // Those of a VM together.
  finish(facts: VcpuFacts[]) {
    const severalVms = new Set(facts.map(({ vm }) => vm)).size > 1;
    const of = (vcpu: number) => facts.find((one) => one.vcpu === vcpu) ?? { vcpu, vm: 0, vcpu_id: vcpu, vm_name: "" };
    return [...this.vcpus.entries()]
      .map(([vcpu, gathered]) => gathered.finish(of(vcpu), severalVms))
      .sort((a, b) => a.facts.vm - b.facts.vm || a.facts.vcpu_id - b.facts.vcpu_id);
  }
}

function span(timeline: Timeline): void {
  let begin = Infinity;
  let end = -Infinity;
  for (const { states, exits, events } of timeline.vcpus) {
    for (const slices of [states, exits, events]) {
      if (slices.begin.length === 0) continue;
      begin = Math.min(begin, slices.begin[0]);
      end = Math.max(end, slices.end[slices.end.length - 1]);
    }
  }
  timeline.begin = begin === Infinity ? 0 : begin;
  timeline.end = end > begin ? end : timeline.begin + 1;
}

// Reads one of the page's timelines. `progress` is told the share that was read.
export async function readTimeline(number: number, progress?: (share: number) => void): Promise<Timeline> {
  const facts = timelineFacts(number);
  if (!facts) throw new Error(`this page has no timeline ${number}: its file is not whole`);
  if (facts.schema !== "trapline.packed/1") throw new Error(`this page's data is of ${facts.schema}`);
  const decoder = new Decoder(facts.shapes);
  const exits = facts.counts.exits || 1;
  let read = 0;
  for (const { part, base64 } of packedParts(number)) {
    const bytes = fromBase64(base64);
    if (part === "hot") {
      decoder.hot(await gunzip(bytes));
      read += 65536;
      progress?.(Math.min(read / exits, 1));
    } else {
      decoder.cold(bytes);
    }
  }
  const timeline = {
    facts,
    vcpus: decoder.finish(facts.vcpus),
    begin: 0,
    end: 1,
  };
  span(timeline);
  return timeline;
}
