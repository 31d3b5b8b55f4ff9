// The page of one recording: timeline, details, tables, all about the same selection.
import { aggregate } from "./aggregates";
import { reportBanner } from "./banner";
import { Details } from "./details";
import { add, button, element } from "./dom";
import type { PageFacts, Report } from "./facts";
import { count, exact, parseTime, time } from "./format";
import { glance } from "./glance";
import { Histogram } from "./histogram";
import { InstancesOf, type Instances } from "./instances";
import { Keys } from "./keys";
import { exitName, makeLanes, ReasonColours } from "./lanes";
import * as palette from "./palette";
import { kFigures, reportTabs, type ChosenRow, type Figure } from "./report_tables";
import { Search } from "./search";
import { spoken } from "./selection";
import { DataTable, type ColumnSpec } from "./table";
import { Tabs } from "./tabs";
import { startTheme, toggleTheme } from "./theme";
import type { Timeline } from "./timeline";
import { kPointerHelp, TimelinePanel } from "./timeline_panel";

const kSelection = "Selection";
const kSearchedAtOnce = 1_000_000;

export class RecordingPage {
  readonly panel: TimelinePanel;
  private readonly details: Details;
  private readonly histogram = new Histogram();
  private readonly instances: InstancesOf;
  private readonly status = element("output", { class: "found", "aria-live": "polite" });
  private readonly speech = element("div", { class: "unseen", "aria-live": "polite" });
  private readonly searchField = element("input", {
    type: "search",
    placeholder: "Search: msr, port 0x3f8, 0x40 ...",
    "aria-label": "Search slices by reason, port, vector (/)",
  });
  private readonly timeField = element("input", {
    type: "text",
    placeholder: "Go to: 1.5ms",
    "aria-label": "Go to a time (g)",
    size: 11,
  });
  private readonly aggregates = element("div", { class: "aggregates" });
  private tabs!: Tabs;
  private figure: Figure = "p50_ns";
  private search: Search | null = null;
  private aggregateTimer = 0;
  private searchTimer = 0;

  private readonly chosen: ChosenRow = {
    exit: (row) =>
      this.showInstances(
        exitName(String(row["reason"]), String(row["key"])),
        this.instances.exits(row),
        Number(row["count"]) - Number(row["open"] ?? 0),
      ),
    interrupt: (row, stretch) => this.showInterrupt(row, stretch),
    workload: (row) =>
      this.showInstances(`${String(row["workload"])}: U0 to U3`, this.instances.workloads(row), Number(row["events"])),
    step: (row) => this.showInstances(String(row["step"]), this.instances.steps(row), Number(row["count"])),
  };

  constructor(
    private readonly timeline: Timeline,
    private readonly report: Report,
    page: PageFacts,
    root: HTMLElement,
  ) {
    const reasons = new ReasonColours(timeline);
    const lanes = makeLanes(timeline, reasons);
    this.instances = new InstancesOf(timeline);
    this.panel = new TimelinePanel(timeline, lanes, {
      selected: (selected) => {
        this.details.show(selected);
        this.speech.textContent = selected ? spoken(timeline, lanes, selected, time) : "";
      },
      area: (area, dragging) => this.areaSelected(area, dragging),
    });
    this.details = new Details(
      timeline,
      {
        select: (selected) => this.panel.select(selected),
        zoomTo: (selected) => this.panel.zoomTo(selected),
      },
      glance(report, this.chosen),
    );
    startTheme(() => this.recolour());
    root.replaceChildren(this.head(), reportBanner(report, page), this.toolbar(reasons), this.main(), this.speech);
    this.startKeys();
    this.areaSelected(null, false);
    this.panel.redraw();
  }

  private recolour(): void {
    this.panel.redraw();
    this.histogram.redraw();
  }

  private head(): HTMLElement {
    const { context } = this.report;
    const text = (name: string) => String(context[name] ?? "");
    const where = [
      text("path") && `path ${text("path")}`,
      `${text("isa")}`,
      `Linux ${text("kernel")}`,
      text("cpu"),
      `on ${text("host")}`,
    ]
      .filter(Boolean)
      .join(" \u00b7 ");
    return element(
      "header",
      {},
      element("h1", {}, "Trapline"),
      element(
        "p",
        { class: "where", title: text("command_line") },
        `${time(Number(context["traced_ns"] ?? 0))} traced \u00b7 ${where}`,
      ),
      button("Light / dark", "Light or dark (t)", () => (toggleTheme(), this.recolour())),
      button("?", "Keys (?)", () => this.keys.toggle()),
    );
  }

  private toolbar(reasons: ReasonColours): HTMLElement {
    // So much is not searched through at each letter.
    const many = Object.values(this.timeline.facts.counts).reduce((sum, rows) => sum + rows, 0) > kSearchedAtOnce;
    this.searchField.addEventListener("input", () => {
      clearTimeout(this.searchTimer);
      if (many) this.searchTimer = window.setTimeout(() => this.searched(), 300);
      else this.searched();
    });
    this.searchField.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.goToHit(!event.shiftKey);
      if (event.key === "Escape") this.clearSearch();
    });
    this.timeField.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.goToTime();
      if (event.key === "Escape") this.panel.canvas.element.focus();
    });
    return element(
      "div",
      { class: "toolbar" },
      this.searchField,
      button("\u2191", "Hit before (Shift+Enter, N)", () => this.goToHit(false)),
      button("\u2193", "Next hit (Enter, n)", () => this.goToHit(true)),
      this.status,
      this.timeField,
      button("Fit", "Show all (f)", () => this.panel.range.fit()),
      this.legend(reasons),
    );
  }

  private legend(reasons: ReasonColours): HTMLElement {
    const made = element("div", { class: "legend" });
    const put = (colour: string, name: string) => {
      const swatch = element("i", { "aria-hidden": "true" });
      swatch.style.background = colour;
      made.append(element("span", {}, swatch, name));
    };
    const used = new Set(this.timeline.vcpus.flatMap(({ states }) => [...new Set(states.state)]));
    this.timeline.facts.states.forEach((name, state) => used.has(state) && put(palette.stateColour(name), name));
    made.append(element("b", { "aria-hidden": "true" }));
    reasons.names.forEach((name, i) => put(palette.kReasons[i], name));
    return made;
  }

  private main(): HTMLElement {
    const select = element("select", { "aria-label": "Which figure of each stretch", hidden: true });
    for (const name of kFigures) add(select, element("option", { value: name }, name.replace("_ns", "")));
    const specs = reportTabs(this.report, this.chosen);
    const panels = specs.map((spec) => ({
      name: spec.name,
      content: element("div", {}, ...spec.make(this.figure).map(({ element: made }) => made)),
    }));
    select.addEventListener("change", () => {
      this.figure = select.value as Figure;
      specs.forEach((spec, i) => {
        if (spec.figures) panels[i].content.replaceChildren(...spec.make(this.figure).map(({ element: made }) => made));
      });
    });
    const all = [...panels, { name: kSelection, content: this.aggregates }];
    this.tabs = new Tabs(
      all,
      (name) => (select.hidden = !specs.some((spec) => spec.name === name && spec.figures)),
      select,
    );
    const side = element(
      "aside",
      { "aria-label": "Details of the selection" },
      this.details.element,
      this.histogram.element,
    );
    return element(
      "main",
      {},
      element("div", { class: "timeline" }, this.panel.canvas.element),
      side,
      this.tabs.element,
    );
  }

  private showInstances(title: string, { durations, worst }: Instances, whole: number): void {
    const part =
      durations.length < whole
        ? `${count(durations.length)} of the recording's ${count(whole)} are in this page's timeline`
        : "";
    this.histogram.show(title, durations, part);
    if (!worst) return;
    this.panel.select(worst);
    this.panel.zoomToSelected();
    this.histogram.element.scrollIntoView({ block: "nearest" });
  }

  private showInterrupt(row: Record<string, unknown>, stretch: string): void {
    const latency = (row["latency"] ?? {}) as Record<string, { count: number } | undefined>;
    const title = `${String(row["name"])} ${String(row["source"])}: ${stretch.replaceAll("_", " ")}`;
    this.showInstances(title, this.instances.interrupts(row, stretch), latency[stretch]?.count ?? 0);
  }

  // --- A stretch of time

  private areaSelected(area: [number, number] | null, dragging: boolean): void {
    clearTimeout(this.aggregateTimer);
    if (!area) {
      this.aggregates.replaceChildren(
        element(
          "p",
          { class: "hint" },
          "Shift and drag in the timeline, or press m for what is in sight: here are the exits that begin in it, by reason.",
        ),
      );
      return;
    }
    this.tabs.show(kSelection);
    const rows = aggregate(this.timeline, area[0], area[1], dragging);
    const columns: ColumnSpec[] = [
      { title: "reason", path: ["reason"], shown: "text" },
      { title: "what", path: ["key"], shown: "text" },
      { title: "cause", path: ["cause"], shown: "text" },
      { title: "count", path: ["count"], shown: "count" },
      { title: "total", path: ["total_ns"], shown: "time" },
      { title: "p50", path: ["p50_ns"], shown: "time" },
      { title: "p99", path: ["p99_ns"], shown: "time" },
    ];
    const exits = rows.reduce((sum, row) => sum + row.count, 0);
    const total = rows.reduce((sum, row) => sum + row.total_ns, 0);
    const caption = `${count(exits)} exits begin in the ${time(area[1] - area[0])} from ${time(area[0])}; ${time(total)} in all`;
    const specs = rows.map((row, i) => ({
      row: row as unknown as Record<string, unknown>,
      pointer: `/selection/${i}`,
    }));
    this.aggregates.replaceChildren(new DataTable(columns, specs, null, caption).element);
    this.aggregates.dataset.exits = String(exits);
    if (dragging && rows.some((row) => row.p50_ns === null)) {
      this.aggregateTimer = window.setTimeout(() => this.areaSelected(area, false), 200);
    }
  }

  // --- Search

  private searched(): void {
    const query = this.searchField.value.trim();
    this.search = query ? new Search(this.timeline, query) : null;
    this.panel.showLanes(this.search ? this.search.highlighted(this.panel.lanes) : null);
    this.status.textContent = this.search ? `${count(this.search.count(this.panel.lanes))} found` : "";
  }

  private clearSearch(): void {
    this.searchField.value = "";
    this.searched();
    this.panel.canvas.element.focus();
  }

  private goToHit(forward: boolean): void {
    if (!this.search) return;
    const { marks, range } = this.panel;
    const from = marks.selected ? this.selectedBegin() : forward ? range.from - 1 : range.to;
    const hit =
      this.search.next(this.panel.lanes, from, forward) ??
      this.search.next(this.panel.lanes, forward ? -Infinity : Infinity, forward);
    if (!hit) return;
    this.panel.select({ kind: hit.lane.kind, vcpu: hit.lane.vcpu, row: hit.row });
  }

  private selectedBegin(): number {
    const selected = this.panel.marks.selected!;
    const lane = this.panel.lanes.find(
      ({ kind, vcpu, track }) => kind === selected.kind && vcpu === selected.vcpu && track.sliceOf(selected.row) >= 0,
    );
    return lane ? lane.track.begin[lane.track.sliceOf(selected.row)] : this.panel.range.from;
  }

  private goToTime(): void {
    const ns = parseTime(this.timeField.value);
    this.timeField.setAttribute("aria-invalid", String(ns === null));
    if (ns === null) return;
    this.panel.range.center(ns);
    this.speech.textContent = `at ${exact(ns)}`;
    this.panel.canvas.element.focus();
  }

  // --- Keys

  private keys!: Keys;

  private startKeys(): void {
    const focus = (field: HTMLInputElement) => () => {
      field.focus();
      field.select();
    };
    this.keys = new Keys(
      [
        ...this.panel.keys(),
        { keys: ["/"], shown: "/", what: "search", action: focus(this.searchField) },
        { keys: ["n"], shown: "N", what: "next hit; Shift: the one before", action: () => this.goToHit(true) },
        { keys: ["N"], shown: "", what: "", action: () => this.goToHit(false) },
        { keys: ["g", "G"], shown: "G", what: "go to a time", action: focus(this.timeField) },
        { keys: ["t", "T"], shown: "T", what: "light or dark", action: () => (toggleTheme(), this.recolour()) },
      ],
      kPointerHelp,
    );
  }
}
