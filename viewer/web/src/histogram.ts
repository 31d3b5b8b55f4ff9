// Durations on a logarithmic axis, four bins to each doubling.
import uPlot from "uplot";
import { add, element } from "./dom";
import { count, time } from "./format";
import { percentile } from "./percentiles";

const kBinsPerDoubling = 4;

export interface Bins {
  edges: number[]; // lower ones, in ns
  counts: number[];
}

export function logBins(sorted: Float64Array): Bins {
  const bin = (ns: number) => (ns < 1 ? 0 : Math.floor(Math.log2(ns) * kBinsPerDoubling + 1e-9));
  if (sorted.length === 0) return { edges: [], counts: [] };
  const first = Math.max(0, bin(sorted[0]) - 1);
  const last = bin(sorted[sorted.length - 1]) + 1;
  const counts = new Array<number>(last - first + 1).fill(0);
  for (const ns of sorted) ++counts[bin(ns) - first];
  return { edges: counts.map((_, i) => 2 ** ((first + i) / kBinsPerDoubling)), counts };
}

export class Histogram {
  readonly element = element("section", { class: "histogram", "aria-label": "Histogram", hidden: true });
  private plot: uPlot | null = null;
  private again: (() => void) | null = null;

  // `durations` is sorted here. `note` says what they are of.
  show(title: string, durations: Float64Array, note: string): void {
    durations.sort();
    this.again = () => this.draw(title, durations, note);
    this.again();
  }

  // Colours changed.
  redraw(): void {
    this.again?.();
  }

  private draw(title: string, sorted: Float64Array, note: string): void {
    this.plot?.destroy();
    this.element.replaceChildren();
    this.element.hidden = false;
    const figures = `${count(sorted.length)} \u00b7 p50 ${time(percentile(sorted, 50))} \u00b7 p99 ${time(percentile(sorted, 99))} \u00b7 max ${time(sorted[sorted.length - 1] ?? 0)}`;
    add(this.element, element("h3", {}, title), element("p", { class: "figures" }, figures));
    if (note) add(this.element, element("p", { class: "hint" }, note));
    if (sorted.length === 0) return;
    const { edges, counts } = logBins(sorted);
    this.element.dataset.samples = String(counts.reduce((sum, n) => sum + n, 0));
    const style = getComputedStyle(document.documentElement);
    const of = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: of("--faint"),
      grid: { stroke: of("--line"), width: 1 },
      ticks: { stroke: of("--line"), width: 1 },
      font: "11px system-ui, sans-serif",
    };
    const host = element("div", { class: "plot" });
    add(this.element, host);
    this.plot = new uPlot(
      {
        width: Math.max(200, this.element.clientWidth - 4),
        height: 150,
        cursor: { drag: { x: false, y: false } },
        legend: { show: false },
        scales: { x: { time: false, range: (_u, min, max) => [min - 0.5, max + 0.5] } },
        axes: [
          {
            ...axis,
            size: 28,
            space: 52,
            values: (_u, splits) =>
              splits.map((i) =>
                Number.isInteger(i) && edges[i] !== undefined ? time(Number(edges[i].toPrecision(2))) : "",
              ),
          },
          { ...axis, size: 44 },
        ],
        series: [
          {},
          {
            fill: of("--accent"),
            stroke: of("--accent"),
            width: 0,
            points: { show: false },
            paths: uPlot.paths.bars!({ size: [0.9, 60], align: 0 }),
          },
        ],
      },
      [edges.map((_, i) => i), counts],
      host,
    );
    host.querySelector("canvas")?.setAttribute("aria-hidden", "true");
  }
}
