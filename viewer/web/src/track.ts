// Level of detail: slices that follow one another, and of any stretch of time the share of each category.
//
// Shares are exact, however far one zooms out: sums up to every 64th slice are kept, the rest is added when
// asked for. So a pixel shows what is in it, not what happens to begin there.
import type { Slices } from "./timeline";

const kShift = 6;
const kBlock = 1 << kShift;

export interface Categorized extends Slices {
  category: Uint8Array;
}

export class Track {
  readonly begin: Float64Array;
  readonly end: Float64Array;
  readonly category: Uint8Array;
  readonly length: number;
  private readonly sums: Float64Array; // up to each block, by category

  constructor(
    slices: Categorized,
    readonly categories: number,
    // The row in its table of each slice; none: the same.
    private readonly rows: Uint32Array | null = null,
  ) {
    ({ begin: this.begin, end: this.end, category: this.category } = slices);
    this.length = this.begin.length;
    const blocks = (this.length >> kShift) + 1;
    this.sums = new Float64Array(blocks * categories);
    const running = new Float64Array(categories);
    for (let i = 0; i < this.length; ++i) {
      if ((i & (kBlock - 1)) === 0) this.sums.set(running, (i >> kShift) * categories);
      const category = this.category[i];
      running[category] = running[category] + this.end[i] - this.begin[i];
    }
    if ((this.length & (kBlock - 1)) === 0) this.sums.set(running, (this.length >> kShift) * categories);
  }

  rowOf(slice: number): number {
    return this.rows ? this.rows[slice] : slice;
  }

  sliceOf(row: number): number {
    if (!this.rows) return row;
    const found = lowerBound(this.rows, row, 0);
    return this.rows[found] === row ? found : -1;
  }

  // Time in each category before `time`, added to `into` with the sign.
  addBefore(time: number, near: number, sign: number, into: Float64Array): number {
    const begun = lowerBound(this.begin, time, near);
    const categories = this.categories;
    const block = begun >> kShift;
    const base = block * categories;
    for (let c = 0; c < categories; ++c) into[c] = into[c] + sign * this.sums[base + c];
    for (let i = block << kShift; i < begun; ++i) {
      const category = this.category[i];
      into[category] = into[category] + sign * (this.end[i] - this.begin[i]);
    }
    // Only the last one can reach beyond.
    if (begun > 0) {
      const beyond = this.end[begun - 1] - time;
      const category = this.category[begun - 1];
      if (beyond > 0) into[category] = into[category] - sign * beyond;
    }
    return begun;
  }

  // Of [from, to) the nanoseconds in each category.
  shares(from: number, to: number, near: number, into: Float64Array): number {
    into.fill(0);
    const begun = this.addBefore(from, near, -1, into);
    return this.addBefore(to, begun, 1, into);
  }

  // The first slice that ends after `time`.
  firstAfter(time: number, near = 0): number {
    const begun = lowerBound(this.begin, time, near);
    return begun > 0 && this.end[begun - 1] > time ? begun - 1 : begun;
  }

  // The slice at `time`, or the one whose nearer end is closest, within `reach`; of several the longest. -1: none.
  at(time: number, reach: number): number {
    const first = this.firstAfter(time - reach);
    let best = -1;
    let bestLength = -1;
    for (let i = first; i < this.length && i < first + 4096 && this.begin[i] <= time + reach; ++i) {
      const length = this.end[i] - this.begin[i];
      const hit = this.begin[i] <= time && this.end[i] > time;
      if (hit && length > reach) return i;
      if (length > bestLength) [best, bestLength] = [i, length];
    }
    return best;
  }
}

// The first place whose value is not below `value`; `near` is where the search begins.
export function lowerBound(values: Float64Array | Uint32Array, value: number, near: number): number {
  const length = values.length;
  let low = Math.min(near, length);
  let high = low;
  let step = 1;
  if (low < length && values[low] < value) {
    while (high < length && values[high] < value) {
      low = high + 1;
      high += step;
      step *= 2;
    }
    high = Math.min(high, length);
  } else {
    while (low > 0 && values[low - 1] >= value) {
      high = low - 1;
      low = Math.max(0, low - step);
      step *= 2;
    }
    if (high < low) high = low;
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
