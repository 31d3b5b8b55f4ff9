// Finds slices by words: a reason, a port, an MSR, a vector, a workload, a step, a source.
import type { Lane } from "./lanes";
import { vectorName } from "./lanes";
import type { Timeline } from "./timeline";
import { Track, lowerBound } from "./track";

type Matches = (row: number) => boolean;

export interface Hit {
  lane: Lane;
  row: number;
  begin: number;
}

function number(text: string): number | null {
  const match = /^(?:vector\s*)?(0x[0-9a-f]+|[0-9]+)$/.exec(text);
  return match ? Number(match[1]) : null;
}

export class Search {
  readonly query: string;
  private readonly kinds: Uint8Array;
  private readonly texts: Uint8Array;
  private readonly vectors = new Map<number, boolean>();
  private readonly shapes: Uint8Array;
  private readonly states: Uint8Array;

  constructor(
    private readonly timeline: Timeline,
    query: string,
  ) {
    this.query = query.trim().toLowerCase();
    const wanted = number(this.query);
    const words = this.query.split(/\s+/);
    const has = (text: string) => {
      const low = text.toLowerCase();
      return words.every((word) => contains(low, word));
    };
    const { facts } = timeline;
    this.kinds = Uint8Array.from(facts.kinds, (kind) =>
      kind && has(`${kind.reason} ${kind.key} ${kind.cause}`) ? 1 : 0,
    );
    this.texts = Uint8Array.from(facts.texts, ({ text }) => (has(text) ? 1 : 0));
    this.states = Uint8Array.from(facts.states, (name) => (name === this.query ? 1 : 0));
    for (const vector of Object.keys(facts.vectors).map(Number)) {
      const name = vectorName(timeline, vector);
      this.vectors.set(vector, vector === wanted || has(`vector ${name}`));
    }
    this.shapes = Uint8Array.from(facts.shapes, (shape) =>
      this.vectors.get(shape.vector) || has(`interrupt ${shape.source}`) ? 1 : 0,
    );
    this.words = has;
  }
  private readonly words: (text: string) => boolean;

  // null: nothing in this lane can match.
  private matcher({ kind, vcpu }: Lane): Matches | null {
    const any = (flags: Uint8Array) => flags.includes(1);
    switch (kind) {
      case "states":
        return any(this.states) ? (row) => this.states[vcpu.states.state[row]] === 1 : null;
      case "exits":
        return any(this.kinds) ? (row) => this.kinds[vcpu.exits.kind[row]] === 1 : null;
      case "vmm":
        return null; // its exit is found
      case "steps":
        return any(this.texts) ? (row) => this.texts[vcpu.steps.text[row]] === 1 : null;
      case "injections":
        return (row) => this.vectors.get(vcpu.injections.vector[row]) === true;
      case "isrs":
        return (row) => this.vectors.get(vcpu.isrs.vector[row]) === true;
      case "events": {
        const names = new Map(
          Object.entries(this.timeline.facts.workloads).map(([n, name]) => [Number(n), this.words(`workload ${name}`)]),
        );
        return (row) => names.get(vcpu.events.workload[row]) === true;
      }
      case "pending":
        return any(this.shapes) ? (row) => this.shapes[vcpu.stories.shape[row]] === 1 : null;
    }
  }

  count(lanes: Lane[]): number {
    let found = 0;
    for (const lane of lanes) {
      const matches = this.matcher(lane);
      if (!matches) continue;
      for (let i = 0; i < lane.track.length; ++i) if (matches(lane.track.rowOf(i))) ++found;
    }
    return found;
  }

  // The first that begins after `time` (or, backwards, before it), whichever lane it is in.
  next(lanes: Lane[], time: number, forward: boolean): Hit | null {
    let best: Hit | null = null;
    for (const lane of lanes) {
      const matches = this.matcher(lane);
      if (!matches) continue;
      const { begin, length } = lane.track;
      const step = forward ? 1 : -1;
      let i = lowerBound(begin, time, 0);
      if (forward) while (i < length && begin[i] <= time) ++i;
      else --i;
      for (; i >= 0 && i < length; i += step) {
        if (best && (begin[i] - best.begin) * step >= 0) break;
        const row = lane.track.rowOf(i);
        if (!matches(row)) continue;
        best = { lane, row, begin: begin[i] };
        break;
      }
    }
    return best;
  }

  // The lanes with what was found in its colour, and the rest in grey.
  highlighted(lanes: Lane[]): Lane[] {
    return lanes.map((lane) => {
      if (lane.kind === "states") return lane;
      const matches = this.matcher(lane);
      const { begin, end, length, categories } = lane.track;
      const rest = categories;
      const category = Uint8Array.from({ length }, (_, i) =>
        matches?.(lane.track.rowOf(i)) ? lane.track.category[i] : rest,
      );
      const rows = Uint32Array.from({ length }, (_, i) => lane.track.rowOf(i));
      const track = new Track({ begin, end, category }, categories + 1, rows);
      return { ...lane, track, colours: [...lane.colours, kFaded] };
    });
  }
}

const kFaded = "#9aa0a8";

// A number is found as a whole: "0x40" is not in "0x402".
function contains(text: string, word: string): boolean {
  if (!/^(0x[0-9a-f]+|[0-9]+)$/.test(word)) return text.includes(word);
  return text.split(/[^0-9a-z]+/).includes(word);
}
