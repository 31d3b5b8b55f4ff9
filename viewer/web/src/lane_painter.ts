// Draws one lane: what is wide enough as itself, the rest pixel by pixel as the share of time that each
// category has in it.
import type { Lane } from "./lanes";
import { inkOn, pixel } from "./palette";
import type { Pixels } from "./pixels";

export interface Area {
  left: number; // in device pixels
  top: number;
  width: number;
  height: number;
}

// A name that is to be written on a slice.
export interface SliceName {
  text: string;
  x: number;
  y: number;
  width: number;
  height: number;
  ink: string;
}

const kWide = 3; // pixels: from here on a slice is drawn by itself

export function paintLane(
  lane: Lane,
  area: Area,
  from: number,
  to: number,
  pixels: Pixels,
  leastNameWidth: number,
  names: SliceName[],
): void {
  const { track } = lane;
  const { left, top, width, height } = area;
  const perPixel = (to - from) / width;
  const colours = lane.colours.map(pixel);
  const shares = new Float64Array(track.categories);
  let near = track.firstAfter(from);
  let x = 0;
  while (x < width) {
    const begin = from + x * perPixel;
    near = track.firstAfter(begin, near);
    if (near >= track.length) return;
    const sliceBegin = track.begin[near];
    const sliceEnd = track.end[near];
    if (sliceBegin >= begin + perPixel) {
      x = Math.max(x + 1, Math.min(width, Math.floor((sliceBegin - from) / perPixel)));
      continue;
    }
    const until = Math.min(width, Math.floor((sliceEnd - from) / perPixel));
    if (sliceBegin <= begin + perPixel / 2 && until - x >= kWide) {
      paintSlice(lane, near, { left: left + x, top, width: until - x, height }, pixels, colours, leastNameWidth, names);
      x = until;
      continue;
    }
    track.shares(begin, begin + perPixel, near, shares);
    paintShares(shares, perPixel, left + x, top, height, pixels, colours);
    ++x;
  }
}

function paintSlice(
  lane: Lane,
  slice: number,
  area: Area,
  pixels: Pixels,
  colours: number[],
  leastNameWidth: number,
  names: SliceName[],
): void {
  const category = lane.track.category[slice];
  // A pixel is left free, so that slices that touch are told apart.
  const width = area.width > 6 ? area.width - 1 : area.width;
  if (colours[category] !== 0) pixels.fill(area.left, area.top, width, area.height, colours[category]);
  if (area.width < leastNameWidth) return;
  const text = lane.label(lane.track.rowOf(slice));
  names.push({ text, x: area.left, y: area.top, width, height: area.height, ink: inkOn(lane.colours[category]) });
}

// From the bottom up; what is there at all is at least a pixel high, however short.
function paintShares(
  shares: Float64Array,
  whole: number,
  x: number,
  top: number,
  height: number,
  pixels: Pixels,
  colours: number[],
): void {
  let bottom = height;
  for (let category = 0; category < shares.length; ++category) {
    const share = shares[category];
    if (share <= whole * 1e-9) continue;
    const size = Math.min(bottom, Math.max(1, Math.round((share / whole) * height)));
    bottom -= size;
    if (colours[category] !== 0) pixels.column(x, top + bottom, size, colours[category]);
  }
  // Slices without length: they happened.
  if (bottom === height) pixels.column(x, top + height - 1, 1, colours[colours.length - 1]);
}
