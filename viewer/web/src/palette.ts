// Colours that stay apart for colour-blind readers (Okabe and Ito's set), on light and on dark; beside them
// slices carry names, so that no meaning is in colour alone.

export type Colour = string; // #rrggbb

const kGreen = "#009e73";
const kOrange = "#e69f00";
const kVermillion = "#d55e00";
const kBlue = "#0072b2";
const kSky = "#56b4e9";
const kPink = "#cc79a7";
const kYellow = "#f0e442";
const kGrey = "#8a8f98";

// By the states' names: what a page of another version adds is grey.
const kStates: Record<string, Colour> = {
  guest: kGreen,
  kvm: kOrange,
  vmm: kVermillion,
  "kvm runnable": kYellow,
  "vmm runnable": "#c9bd1e",
  "kvm blocked": kPink,
  "vmm blocked": "#a8588a",
  "halt-poll": kSky,
  halted: "#b8c4d0",
  unknown: "#5d6470",
};

// By place, where a comparison says where time went.
export const kPlaces: Record<string, Colour> = {
  guest_ns: kGreen,
  kvm_ns: kOrange,
  vmm_ns: kVermillion,
  waiting_ns: "#b8c4d0",
  unknown_ns: "#5d6470",
};
export const kPhases: Record<string, Colour> = { delivery: kBlue, handler: kGreen, return: kPink };

// The reasons that take the most time each have one, all others share the last.
export const kReasons: Colour[] = [kBlue, kOrange, kSky, kVermillion, kPink, kYellow, kGreen, kGrey];

export const kStages: Colour[] = [kBlue, kSky, kOrange, kGreen, kPink, kVermillion, kYellow];
export const kNothing: Colour = ""; // is not drawn
export const kVmm = kVermillion;
export const kStep: Colour[] = [kVermillion, kOrange];
export const kInjection = kPink;
export const kIsr = kGreen;
export const kEvent: Colour[] = [kSky, kBlue];
export const kPending = kYellow;

export const stateColour = (name: string): Colour => kStates[name] ?? kGrey;

// As a pixel of a little-endian ImageData.
export function pixel(colour: Colour): number {
  if (colour === kNothing) return 0;
  const rgb = parseInt(colour.slice(1), 16);
  return ((0xff << 24) | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}

// Black or white, whichever reads better on it.
export function inkOn(colour: Colour): Colour {
  if (colour === kNothing) return kGrey;
  const rgb = parseInt(colour.slice(1), 16);
  const light = 0.299 * (rgb >> 16) + 0.587 * ((rgb >> 8) & 0xff) + 0.114 * (rgb & 0xff);
  return light > 125 ? "#000000" : "#ffffff";
}
