// Figures as people read them; the same words as in the terminal's tables.

let counted = false;

// Counted time is instructions, not time.
export function setTimeKind(kind: string): void {
  counted = kind === "counted";
}

const trimmed = (value: number) => String(Number(value.toPrecision(4)));

export function time(ns: number): string {
  const sign = ns < 0 ? "-" : "";
  const size = Math.abs(ns);
  const units: [number, string][] = counted
    ? [
        [1e9, "G instr."],
        [1e6, "M instr."],
        [1e3, "k instr."],
      ]
    : [
        [1e9, "s"],
        [1e6, "ms"],
        [1e3, "us"],
      ];
  for (const [unit, name] of units) {
    if (size >= unit * 0.99995) return `${sign}${trimmed(size / unit)} ${name}`;
  }
  return `${sign}${trimmed(size)} ${counted ? "instr." : "ns"}`;
}

// A place on the time axis: as many decimals as tell it from one `step` further.
export function place(ns: number, step: number): string {
  const [unit, name] = step >= 1e8 ? [1e9, "s"] : step >= 1e5 ? [1e6, "ms"] : step >= 1e2 ? [1e3, "us"] : [1, "ns"];
  const decimals = Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
  return `${grouped((ns / unit).toFixed(unit === 1 ? 0 : decimals))} ${name}`;
}

export function grouped(digits: string): string {
  const [whole, decimals] = digits.split(".") as [string, string | undefined];
  const parts = whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  return decimals === undefined ? parts : `${parts}.${decimals}`;
}

export const count = (value: number): string => grouped(String(value));
export const exact = (ns: number): string => `${count(ns)} ns`;
export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
export const percent = (part: number, whole: number): string =>
  whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;

// "1.5ms", "200us", "3s", "1234": in ns; null where it is none.
export function parseTime(text: string): number | null {
  const match = /^\s*([0-9]+(?:\.[0-9]+)?)\s*(ns|us|\u00b5s|ms|s)?\s*$/.exec(text.replaceAll("\u202f", ""));
  if (!match) return null;
  const units: Record<string, number> = { ns: 1, us: 1e3, "\u00b5s": 1e3, ms: 1e6, s: 1e9 };
  return Number(match[1]) * units[match[2] ?? "ns"];
}
