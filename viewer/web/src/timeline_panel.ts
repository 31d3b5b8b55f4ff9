// The timeline as one works with it: pointer and keys move the view, choose slices and stretches of time.
import { TimelineCanvas, type Marks } from "./canvas";
import type { Key } from "./keys";
import type { Lane } from "./lanes";
import { spanOf, type Selected } from "./selection";
import type { Timeline } from "./timeline";
import { ViewRange } from "./view_range";

export interface PanelEvents {
  selected(selected: Selected | null): void;
  area(area: [number, number] | null, dragging: boolean): void;
  moved?(): void;
}

const kClick = 4; // pixels that a pointer may move within a click

export class TimelinePanel {
  readonly range: ViewRange;
  readonly canvas: TimelineCanvas;
  readonly marks: Marks;
  lastFrameMs = 0;
  private scheduled = false;
  private shownLanes: Lane[];

  constructor(
    readonly timeline: Timeline,
    readonly lanes: Lane[],
    private readonly events: PanelEvents,
    { origin, overview }: { origin: number; overview: boolean } = { origin: 0, overview: true },
  ) {
    this.marks = { selected: null, area: null, hover: null, origin };
    this.shownLanes = lanes;
    this.range = new ViewRange(timeline.begin, timeline.end, () => {
      this.redraw();
      events.moved?.();
    });
    this.canvas = new TimelineCanvas(timeline, lanes, this.range, overview);
    const { element } = this.canvas;
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute(
      "aria-label",
      "Timeline. W and S zoom, A and D move, arrow keys choose slices, question mark shows all keys.",
    );
    new ResizeObserver(() => this.redraw()).observe(element);
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.pressed(event));
    element.addEventListener("pointermove", (event) => this.hover(event.offsetX, event.offsetY));
    element.addEventListener("pointerleave", () => this.hover(null, 0));
    element.addEventListener("dblclick", () => this.zoomToSelected());
  }

  redraw(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => this.drawNow());
  }

  drawNow(): void {
    this.scheduled = false;
    const begun = performance.now();
    this.canvas.draw(this.marks);
    this.lastFrameMs = performance.now() - begun;
  }

  // What a search found stands out; null: nothing is searched for.
  showLanes(lanes: Lane[] | null): void {
    this.shownLanes = lanes ?? this.lanes;
    this.canvas.setLanes(this.shownLanes);
    this.redraw();
  }

  select(selected: Selected | null): void {
    this.marks.selected = selected;
    this.canvas.element.dataset.selected = selected ? `${selected.kind} ${selected.vcpu.vcpu} ${selected.row}` : "";
    if (selected) this.bringIntoSight(selected);
    this.events.selected(selected);
    this.redraw();
  }

  setArea(area: [number, number] | null, dragging = false): void {
    this.marks.area = area;
    this.events.area(area, dragging);
    this.redraw();
  }

  zoomTo(selected: Selected): void {
    const [begin, end] = spanOf(selected);
    this.range.show(begin, end, 0.6);
  }

  zoomToSelected(): void {
    if (this.marks.selected) this.zoomTo(this.marks.selected);
  }

  private bringIntoSight(selected: Selected): void {
    const [begin, end] = spanOf(selected);
    const { range, canvas } = this;
    if (end < range.from || begin > range.to) range.center((begin + end) / 2);
    const placed = canvas.placed.find(({ lane }) => lane.vcpu === selected.vcpu && lane.kind === selected.kind);
    if (!placed) return;
    const room = canvas.height - 70;
    if (placed.top < canvas.scroll || placed.top + placed.lane.height > canvas.scroll + room) {
      canvas.scrollTo(placed.top - room / 3);
    }
  }

  // --- Pointer

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const { range, canvas } = this;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      range.pan((event.deltaX || event.deltaY) / 800);
    } else {
      range.zoom(Math.exp(event.deltaY / 400), canvas.timeAt(event.offsetX));
    }
  }

  private hover(x: number | null, y: number): void {
    this.marks.hover = x === null || this.canvas.inOverview(y) ? null : this.canvas.timeAt(x);
    this.redraw();
  }

  private pressed(event: PointerEvent): void {
    if (event.button !== 0) return;
    const { canvas } = this;
    const [x0, y0] = [event.offsetX, event.offsetY];
    canvas.element.focus();
    canvas.element.setPointerCapture(event.pointerId);
    const overview = canvas.inOverview(y0);
    const marking = event.shiftKey || canvas.inRuler(y0);
    const from = { time: canvas.timeAt(x0), range: this.range.from, scroll: canvas.scroll };
    const perPixel = canvas.timeAt(1) - canvas.timeAt(0);
    let moved = false;
    const move = (to: PointerEvent) => {
      const [dx, dy] = [to.offsetX - x0, to.offsetY - y0];
      moved ||= Math.abs(dx) + Math.abs(dy) > kClick;
      if (overview) {
        this.range.center(canvas.overviewTimeAt(to.offsetX));
      } else if (moved && marking) {
        const times: [number, number] = [from.time, canvas.timeAt(to.offsetX)];
        this.setArea([Math.min(...times), Math.max(...times)], true);
      } else if (moved) {
        canvas.scrollTo(from.scroll - dy);
        const length = this.range.length;
        this.range.set(from.range - dx * perPixel, from.range - dx * perPixel + length);
      }
    };
    const up = (to: PointerEvent) => {
      canvas.element.removeEventListener("pointermove", move);
      canvas.element.removeEventListener("pointerup", up);
      canvas.element.removeEventListener("pointercancel", up);
      if (overview) move(to);
      else if (moved && marking) this.setArea(this.marks.area);
      else if (!moved) this.click(to.offsetX, to.offsetY);
    };
    canvas.element.addEventListener("pointermove", move);
    canvas.element.addEventListener("pointerup", up);
    canvas.element.addEventListener("pointercancel", up);
  }

  private click(x: number, y: number): void {
    const placed = this.canvas.laneAt(y);
    if (!placed || x < 112) return this.select(null);
    const reach = 3 * (this.canvas.timeAt(1) - this.canvas.timeAt(0));
    const { lane } = placed;
    const slice = lane.track.at(this.canvas.timeAt(x), reach);
    this.select(slice < 0 ? null : { kind: lane.kind, vcpu: lane.vcpu, row: lane.track.rowOf(slice) });
  }

  // --- Keys

  private selectedLane(): Lane | null {
    const { selected } = this.marks;
    if (!selected) return null;
    const lanes = this.lanes.filter(({ kind, vcpu }) => kind === selected.kind && vcpu === selected.vcpu);
    return lanes.find(({ track }) => track.sliceOf(selected.row) >= 0) ?? lanes[0] ?? null;
  }

  // The next slice of the lane; without a selection the first in sight.
  private step(by: number): void {
    const lane = this.selectedLane() ?? this.lanes.find(({ kind }) => kind === "exits") ?? this.lanes[0];
    if (!lane) return;
    const { selected } = this.marks;
    const now = selected ? lane.track.sliceOf(selected.row) : lane.track.firstAfter(this.range.from) - by;
    const slice = Math.max(0, Math.min(lane.track.length - 1, now + by));
    if (lane.track.length > 0) this.select({ kind: lane.kind, vcpu: lane.vcpu, row: lane.track.rowOf(slice) });
  }

  // The slice at the same time one lane further down or up.
  private changeLane(by: number): void {
    const { selected } = this.marks;
    const lane = this.selectedLane();
    if (!selected || !lane) return this.step(0);
    const [begin, end] = spanOf(selected);
    for (let at = this.lanes.indexOf(lane) + by; at >= 0 && at < this.lanes.length; at += by) {
      const { track, kind, vcpu } = this.lanes[at];
      if (track.length === 0) continue;
      const slice = Math.min(track.length - 1, track.firstAfter((begin + end) / 2));
      return this.select({ kind, vcpu, row: track.rowOf(slice) });
    }
  }

  keys(): Key[] {
    const { range } = this;
    const middle = () => this.marks.hover ?? (range.from + range.to) / 2;
    return [
      { keys: ["w", "W"], shown: "W", what: "zoom in", action: () => range.zoom(0.7, middle()) },
      { keys: ["s", "S"], shown: "S", what: "zoom out", action: () => range.zoom(1 / 0.7, middle()) },
      { keys: ["a", "A"], shown: "A", what: "move left", action: () => range.pan(-0.2) },
      { keys: ["d", "D"], shown: "D", what: "move right", action: () => range.pan(0.2) },
      { keys: ["f", "0"], shown: "F", what: "fit: show all", action: () => range.fit() },
      {
        keys: ["z", "Enter"],
        shown: "Z Enter",
        what: "zoom to the selected slice",
        action: () => this.zoomToSelected(),
      },
      { keys: ["ArrowRight"], shown: "\u2192", what: "next slice of the lane", action: () => this.step(1) },
      { keys: ["ArrowLeft"], shown: "\u2190", what: "slice before", action: () => this.step(-1) },
      {
        keys: ["ArrowDown"],
        shown: "\u2193",
        what: "the lane below, at the same time",
        action: () => this.changeLane(1),
      },
      { keys: ["ArrowUp"], shown: "\u2191", what: "the lane above", action: () => this.changeLane(-1) },
      {
        keys: ["m", "M"],
        shown: "M",
        what: "figures of what is in sight",
        action: () => this.setArea([range.from, range.to]),
      },
      {
        keys: ["Escape"],
        shown: "Esc",
        what: "choose nothing",
        action: () => {
          this.select(null);
          this.setArea(null);
        },
      },
      {
        keys: ["PageDown"],
        shown: "PgDn",
        what: "further lanes",
        action: () => (this.canvas.scrollTo(this.canvas.scroll + 150), this.redraw()),
      },
      {
        keys: ["PageUp"],
        shown: "PgUp",
        what: "lanes above",
        action: () => (this.canvas.scrollTo(this.canvas.scroll - 150), this.redraw()),
      },
    ];
  }
}

export const kPointerHelp: [string, string][] = [
  ["wheel", "zoom at the pointer; with Shift, move"],
  ["drag", "move; in the top strip, go there"],
  ["Shift+drag", "select a stretch of time (or drag in the ruler)"],
  ["click", "details of a slice; double click zooms to it"],
];
