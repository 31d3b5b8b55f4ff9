// The timeline's canvas: overview, ruler and lanes, what is selected, and the arrows.
import { storiesIn, storyArrows, type Arrow } from "./arrows";
import { place, time as timeText } from "./format";
import { paintLane, type SliceName } from "./lane_painter";
import type { Lane } from "./lanes";
import { pixel } from "./palette";
import { Pixels } from "./pixels";
import { spanOf, storyOf, type Selected } from "./selection";
import type { Timeline } from "./timeline";
import type { ViewRange } from "./view_range";

export const kGutter = 112;
const kOverviewHeight = 22;
const kRuler = 20;
const kGap = 3;
const kVcpuGap = 10;

export interface Marks {
  selected: Selected | null;
  area: [number, number] | null; // the stretch that is selected
  hover: number | null; // time under the pointer
  origin: number; // what the ruler counts from
}

export interface Placed {
  lane: Lane;
  top: number; // in CSS pixels, within the lanes
}

interface Colours {
  background: string;
  ink: string;
  faint: string;
  line: string;
  accent: string;
}

export class TimelineCanvas {
  readonly element: HTMLCanvasElement;
  readonly placed: Placed[] = [];
  arrows: Arrow[] = [];
  scroll = 0;
  contentHeight = 0;
  private readonly overview: number; // where it ends, and the ruler begins
  private readonly top: number; // where the lanes begin
  private readonly context: CanvasRenderingContext2D;
  private pixels: Pixels | null = null;
  private lanes: Lane[];

  constructor(
    private readonly timeline: Timeline,
    lanes: Lane[],
    private readonly range: ViewRange,
    overview = true,
  ) {
    this.overview = overview ? kOverviewHeight : 0;
    this.top = this.overview + kRuler + 6;
    this.element = document.createElement("canvas");
    const context = this.element.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser has no canvas");
    this.context = context;
    this.lanes = lanes;
    this.place();
  }

  setLanes(lanes: Lane[]): void {
    this.lanes = lanes;
    this.place();
  }

  private place(): void {
    let top = 0;
    this.placed.length = 0;
    for (const [i, lane] of this.lanes.entries()) {
      if (i > 0 && this.lanes[i - 1].vcpu !== lane.vcpu) top += kVcpuGap;
      this.placed.push({ lane, top });
      top += lane.height + kGap;
    }
    this.contentHeight = this.top + top + 6;
  }

  // Sizes in CSS pixels.
  get width(): number {
    return this.element.clientWidth;
  }
  get height(): number {
    return this.element.clientHeight;
  }

  timeAt(x: number): number {
    return this.range.from + ((x - kGutter) / Math.max(1, this.width - kGutter)) * this.range.length;
  }
  xOf(time: number): number {
    return kGutter + ((time - this.range.from) / this.range.length) * (this.width - kGutter);
  }
  overviewTimeAt(x: number): number {
    const share = (x - kGutter) / Math.max(1, this.width - kGutter);
    return this.range.begin + share * (this.range.end - this.range.begin);
  }
  inOverview = (y: number): boolean => y < this.overview;
  inRuler = (y: number): boolean => y >= this.overview && y < this.top;

  laneAt(y: number): Placed | null {
    const at = y - this.top + this.scroll;
    return this.placed.find(({ lane, top }) => at >= top && at < top + lane.height + kGap) ?? null;
  }

  yOf(lane: Lane): number {
    const found = this.placed.find((one) => one.lane === lane);
    return this.top - this.scroll + (found?.top ?? 0);
  }

  scrollTo(top: number): void {
    this.scroll = Math.max(0, Math.min(top, this.contentHeight - this.height));
  }

  private colours(): Colours {
    const style = getComputedStyle(this.element);
    const of = (name: string) => style.getPropertyValue(name).trim();
    return {
      background: of("--canvas"),
      ink: of("--ink"),
      faint: of("--faint"),
      line: of("--line"),
      accent: of("--accent"),
    };
  }

  draw(marks: Marks): void {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.width * ratio));
    const height = Math.max(1, Math.round(this.height * ratio));
    if (this.element.width !== width || this.element.height !== height || !this.pixels) {
      this.element.width = width;
      this.element.height = height;
      this.pixels = new Pixels(this.context, width, height);
    }
    const colours = this.colours();
    const names: SliceName[] = [];
    this.pixels.clear(pixel(colours.background));
    this.paintOverview(ratio);
    this.paintLanes(ratio, names);
    this.pixels.show(this.context);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.writeNames(names, ratio);
    this.drawArea(marks, colours);
    this.drawArrows(marks, colours);
    this.drawSelected(marks, colours);
    this.drawRuler(marks, colours);
    this.drawGutter(colours);
    this.drawOverviewBox(colours);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
  }

  private paintOverview(ratio: number): void {
    if (this.overview === 0) return;
    const lanes = this.lanes.filter(({ kind }) => kind === "states").slice(0, 4);
    const each = Math.floor(((this.overview - 4) * ratio) / Math.max(1, lanes.length));
    lanes.forEach((lane, i) => {
      const left = Math.round(kGutter * ratio);
      const area = {
        left,
        top: Math.round(2 * ratio) + i * each,
        width: this.pixels!.width - left,
        height: Math.max(1, each - 1),
      };
      paintLane(lane, area, this.range.begin, this.range.end, this.pixels!, Infinity, []);
    });
  }

  private paintLanes(ratio: number, names: SliceName[]): void {
    const left = Math.round(kGutter * ratio);
    const width = this.pixels!.width - left;
    for (const { lane, top } of this.placed) {
      const y = this.top - this.scroll + top;
      if (y + lane.height < this.top || y > this.height) continue;
      const area = { left, top: Math.round(y * ratio), width, height: Math.round(lane.height * ratio) };
      paintLane(lane, area, this.range.from, this.range.to, this.pixels!, 34 * ratio, names);
    }
    // What was scrolled up lies behind the ruler.
    this.pixels!.fill(
      0,
      Math.round(this.overview * ratio),
      this.pixels!.width,
      Math.round((this.top - this.overview) * ratio),
      pixel(this.colours().background),
    );
  }

  private writeNames(names: SliceName[], ratio: number): void {
    const context = this.context;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (const { text, x, y, width, height, ink } of names.slice(0, 600)) {
      if (y / ratio < this.top - 2) continue;
      const room = width / ratio - 6;
      let shown = text;
      const letters = Math.floor(room / 5.4);
      if (text.length > letters) shown = letters < 4 ? "" : `${text.slice(0, letters - 1)}\u2026`;
      if (!shown) continue;
      context.fillStyle = ink;
      context.fillText(shown, x / ratio + 3, (y + height / 2) / ratio + 0.5, room);
    }
  }

  private drawArea({ area }: Marks, { accent }: Colours): void {
    if (!area) return;
    const from = Math.max(kGutter, this.xOf(area[0]));
    const to = Math.min(this.width, this.xOf(area[1]));
    if (to <= from) return;
    this.context.fillStyle = accent;
    this.context.globalAlpha = 0.1;
    this.context.fillRect(from, this.overview, to - from, this.height);
    this.context.globalAlpha = 1;
    this.context.fillRect(from, this.overview, 1, this.height);
    this.context.fillRect(to - 1, this.overview, 1, this.height);
  }

  private drawArrows({ selected }: Marks, { ink, accent }: Colours): void {
    const { from, to } = this.range;
    const own = selected ? storyOf(selected) : -1;
    this.arrows = [];
    for (const vcpu of this.timeline.vcpus) {
      for (const story of storiesIn(vcpu, from, to)) {
        const chosen = selected?.vcpu === vcpu && story === own;
        const arrows = storyArrows(this.timeline, this.lanes, vcpu, story);
        this.arrows.push(...arrows);
        for (const arrow of arrows) this.drawArrow(arrow, chosen ? accent : ink, chosen ? 2 : 1, chosen);
      }
    }
    if (selected && own >= 0 && !this.arrows.some(() => true)) {
      const arrows = storyArrows(this.timeline, this.lanes, selected.vcpu, own);
      this.arrows.push(...arrows);
      for (const arrow of arrows) this.drawArrow(arrow, accent, 2, true);
    }
    this.element.dataset.arrows = String(this.arrows.length);
  }

  private drawArrow({ from, to }: Arrow, colour: string, width: number, strong: boolean): void {
    const context = this.context;
    const x0 = this.xOf(from.time);
    const x1 = this.xOf(to.time);
    if (Math.max(x0, x1) < kGutter || Math.min(x0, x1) > this.width) return;
    const y0 = this.yOf(from.lane) + from.lane.height / 2;
    const y1 = this.yOf(to.lane) + to.lane.height / 2;
    if (Math.min(y0, y1) < this.top) return;
    const bend = Math.max(14, Math.min(60, Math.abs(x1 - x0) / 2));
    context.save();
    context.beginPath();
    context.rect(kGutter, this.top, this.width - kGutter, this.height - this.top);
    context.clip();
    context.strokeStyle = context.fillStyle = colour;
    context.globalAlpha = strong ? 1 : 0.55;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x0, y0);
    context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
    context.stroke();
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x1 - 7, y1 - 3.5);
    context.lineTo(x1 - 7, y1 + 3.5);
    context.fill();
    context.beginPath();
    context.arc(x0, y0, 2.5, 0, 7);
    context.fill();
    context.restore();
  }

  private drawSelected({ selected }: Marks, { ink }: Colours): void {
    if (!selected) return;
    for (const { lane } of this.placed) {
      if (lane.vcpu !== selected.vcpu || lane.kind !== selected.kind) continue;
      const slice = lane.track.sliceOf(selected.row);
      if (slice < 0 || slice >= lane.track.length) continue;
      const x = this.xOf(lane.track.begin[slice]);
      const end = this.xOf(lane.track.end[slice]);
      const y = this.yOf(lane);
      if (y < this.top - 4 || end < kGutter || x > this.width) continue;
      const left = Math.max(x, kGutter);
      this.context.strokeStyle = ink;
      this.context.lineWidth = 2;
      this.context.strokeRect(left - 1, y - 1, Math.max(3, end - left + 1), lane.height + 2);
    }
  }

  private drawRuler({ hover, selected, origin }: Marks, { ink, faint, line, accent }: Colours): void {
    const context = this.context;
    const { from, to } = this.range;
    const step = rulerStep(this.range.length / Math.max(1, (this.width - kGutter) / 110));
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (let tick = Math.ceil((from - origin) / step) * step; tick + origin <= to; tick += step) {
      const x = Math.round(this.xOf(tick + origin)) + 0.5;
      context.fillStyle = line;
      context.globalAlpha = 0.6;
      context.fillRect(x, this.overview, 1, this.height);
      context.globalAlpha = 1;
      context.fillStyle = faint;
      context.fillText(place(tick, step), x + 4, this.overview + kRuler / 2);
    }
    if (hover !== null) {
      const x = this.xOf(hover);
      if (x >= kGutter) {
        context.fillStyle = accent;
        context.fillRect(x, this.overview, 1, this.height);
        const text = place(hover - origin, step / 100);
        const width = context.measureText(text).width + 8;
        const left = Math.min(x + 2, this.width - width);
        context.fillRect(left, this.overview + 1, width, kRuler - 2);
        context.fillStyle = "#ffffff";
        context.fillText(text, left + 4, this.overview + kRuler / 2);
      }
    }
    if (selected) {
      const [begin, end] = spanOf(selected);
      context.fillStyle = ink;
      context.fillRect(
        Math.max(kGutter, this.xOf(begin)),
        this.top - 5,
        Math.max(2, Math.min(this.width, this.xOf(end)) - Math.max(kGutter, this.xOf(begin))),
        2,
      );
    }
  }

  private drawGutter({ background, ink, faint, line }: Colours): void {
    const context = this.context;
    context.fillStyle = background;
    context.fillRect(0, 0, kGutter - 1, this.height);
    context.fillStyle = line;
    context.fillRect(kGutter - 1, 0, 1, this.height);
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const { lane, top } of this.placed) {
      const y = this.top - this.scroll + top;
      if (y < this.top - 2 || y > this.height) continue;
      context.font = "11px system-ui, sans-serif";
      context.fillStyle = faint;
      context.fillText(
        lane.name,
        kGutter - 8,
        y + lane.height / 2,
        lane.kind === "states" ? kGutter - 60 : kGutter - 14,
      );
      if (lane.kind === "states") {
        context.textAlign = "left";
        context.font = "600 12px system-ui, sans-serif";
        context.fillStyle = ink;
        context.fillText(lane.vcpu.label, 8, y + lane.height / 2, 60);
        if (lane.vcpu.vmLabel) {
          context.font = "11px system-ui, sans-serif";
          context.fillText(lane.vcpu.vmLabel, 8, y + lane.height + kGap + 11, 60);
        }
        context.textAlign = "right";
      }
    }
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = faint;
    context.fillText(timeText(this.range.length), kGutter - 8, this.overview + kRuler / 2);
    if (this.overview > 0) context.fillText("all", kGutter - 8, this.overview / 2);
  }

  private drawOverviewBox({ ink }: Colours): void {
    if (this.overview === 0) return;
    const whole = this.range.end - this.range.begin;
    const scale = (this.width - kGutter) / whole;
    const x = kGutter + (this.range.from - this.range.begin) * scale;
    const width = Math.max(3, this.range.length * scale);
    this.context.strokeStyle = ink;
    this.context.lineWidth = 1.5;
    this.context.strokeRect(
      Math.max(kGutter, x),
      1,
      Math.min(width, this.width - Math.max(kGutter, x) - 1),
      this.overview - 2,
    );
  }
}

// 1, 2 or 5 times a power of ten.
function rulerStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((times) => times * power >= least)! * power;
  return Math.max(1, step);
}
