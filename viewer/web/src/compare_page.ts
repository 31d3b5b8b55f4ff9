// The page of a comparison: what each event costs on each path, and one example of each, aligned at U0.
import { compareBanner } from "./banner";
import { readTimeline } from "./decode";
import { Details } from "./details";
import { add, button, element, stackedBar } from "./dom";
import type { CompareCell, CompareReport, Example } from "./facts";
import { count, exact, percent, time } from "./format";
import { Keys } from "./keys";
import { makeLanes, ReasonColours } from "./lanes";
import * as palette from "./palette";
import { startTheme, toggleTheme } from "./theme";
import type { Timeline } from "./timeline";
import { kPointerHelp, TimelinePanel } from "./timeline_panel";

const kPhaseNames = ["delivery", "handler", "return"];

interface Shown {
  example: Example;
  panel: TimelinePanel;
  details: Details;
}

export class ComparePage {
  private readonly timelines = new Map<number, Promise<Timeline>>();
  private readonly examples = element("section", { class: "examples", "aria-label": "Example timelines" });
  private readonly side = element("aside", { "aria-label": "Details of the selection" });
  private shown: Shown[] = [];
  private following = false;
  private keys!: Keys;
  private turn = 0;

  constructor(
    private readonly report: CompareReport,
    private readonly all: Example[],
    root: HTMLElement,
  ) {
    startTheme(() => this.redraw());
    const matrix = element(
      "section",
      { class: "matrix", tabindex: 0, "aria-label": "Cost of each event on each path" },
      this.table(),
    );
    root.replaceChildren(
      this.head(),
      compareBanner(report),
      element("main", { class: "compare" }, matrix, this.examples, this.side),
    );
    add(
      this.examples,
      element(
        "p",
        { class: "hint" },
        all.length > 0
          ? "Choose a cell: here is one event of it beside the same on " + report.base + ", both from U0 on."
          : "No recordings were kept beside this comparison, so there are no example timelines: trapline compare -o DIR keeps them.",
      ),
    );
    this.startKeys();
  }

  private head(): HTMLElement {
    const { context } = this.report;
    const text = (name: string) => String(context[name] ?? "");
    const where = [
      `${this.report.cells.length} cells`,
      text("isa"),
      `Linux ${text("kernel")}`,
      text("cpu"),
      text("host") && `on ${text("host")}`,
    ]
      .filter(Boolean)
      .join(" \u00b7 ");
    return element(
      "header",
      {},
      element("h1", {}, "Trapline compare"),
      element("p", { class: "where", title: text("command_line") }, where),
      button("Light / dark", "Light or dark (t)", () => (toggleTheme(), this.redraw())),
      button("?", "Keys (?)", () => this.keys.toggle()),
    );
  }

  private redraw(): void {
    for (const { panel } of this.shown) panel.redraw();
  }

  // --- The matrix

  private table(): HTMLElement {
    const { paths, workloads, base } = this.report;
    const head = element("tr", {}, element("th", { scope: "col" }, "event"));
    for (const path of paths) head.append(element("th", { scope: "col" }, path));
    const body = element("tbody");
    for (const { name, summary } of workloads) {
      const row = element("tr", {}, element("th", { scope: "row", title: summary }, name));
      for (const path of paths) row.append(this.cell(path, name));
      body.append(row);
    }
    const legend = element("span", { class: "legend" });
    for (const phase of kPhaseNames) {
      const swatch = element("i", { "aria-hidden": "true" });
      swatch.style.background = palette.kPhases[phase]!;
      legend.append(element("span", {}, swatch, phase));
    }
    const caption = element(
      "p",
      { class: "hint" },
      `Median cost of an event; x: how many times that of ${base} (blue: cheaper, orange: dearer). Bars: how it divides. `,
      legend,
    );
    return element("div", {}, caption, element("table", { class: "heat" }, element("thead", {}, head), body));
  }

  private cell(path: string, workload: string): HTMLElement {
    const index = this.report.cells.findIndex((one) => one.path === path && one.workload === workload);
    const cell = this.report.cells[index];
    const made = element("td", { "data-path": path, "data-workload": workload });
    if (!cell) {
      add(made, "-");
      return made;
    }
    made.dataset.p = `/cells/${index}`;
    if (cell.skipped !== null && cell.skipped !== undefined) {
      made.classList.add("skipped");
      add(made, element("span", { title: cell.skipped }, "left out"));
      return made;
    }
    const cost = cell.cost?.p50_ns ?? 0;
    made.dataset.v = JSON.stringify(cost);
    made.style.background = heat(cell.ratio ?? null);
    const ratio =
      cell.ratio === null || cell.ratio === undefined || path === this.report.base
        ? ""
        : `x ${Number(cell.ratio.toPrecision(3))}`;
    const choose = element(
      "button",
      { type: "button", title: this.summary(cell) },
      element("b", {}, time(cost)),
      element("span", {}, ratio),
    );
    choose.addEventListener("click", () => void this.choose(path, workload));
    add(made, choose, phaseBar(cell));
    return made;
  }

  private summary(cell: CompareCell): string {
    const lines = [`${cell.workload} on ${cell.path}: ${count(cell.events ?? 0)} events`];
    if (cell.cost)
      lines.push(
        `cost: p50 ${exact(cell.cost.p50_ns)}, p99 ${exact(cell.cost.p99_ns)}, mean ${exact(cell.cost.avg_ns)}`,
      );
    if (cell.exits_per_event) {
      const each = cell.exits_per_event;
      lines.push(`exits an event: user ${each["user"]}, kernel ${each["kernel"]}, async ${each["async"]}`);
    }
    if (cell.difference) lines.push(cell.difference.sentence);
    if (cell.waits) lines.push("the wait for it is left out of its cost");
    return lines.join("\n");
  }

  // --- Examples

  private exampleOf = (path: string, workload: string) =>
    this.all.find((one) => one.path === path && one.workload === workload);

  private async choose(path: string, workload: string, beside: string[] = [this.report.base]): Promise<void> {
    const turn = ++this.turn;
    for (const cell of document.querySelectorAll("td[aria-selected]")) cell.removeAttribute("aria-selected");
    const chosen = [...document.querySelectorAll<HTMLElement>("td[data-path]")].find(
      ({ dataset }) => dataset.path === path && dataset.workload === workload,
    );
    chosen?.setAttribute("aria-selected", "true");
    const names = [...new Set([...beside, path])];
    const examples = names.map((name) => this.exampleOf(name, workload)).filter((one) => one !== undefined);
    const timelines = await Promise.all(examples.map(({ timeline }) => this.timeline(timeline)));
    if (turn !== this.turn) return;
    this.show(path, workload, names, examples, timelines);
  }

  private timeline(number: number): Promise<Timeline> {
    let read = this.timelines.get(number);
    if (!read) this.timelines.set(number, (read = readTimeline(number)));
    return read;
  }

  private show(path: string, workload: string, names: string[], examples: Example[], timelines: Timeline[]): void {
    const cell = this.report.cells.find((one) => one.path === path && one.workload === workload);
    const sentence = cell?.difference?.sentence ?? "";
    const others = element("span", { class: "paths", role: "group", "aria-label": "Paths shown" }, "beside: ");
    for (const other of this.report.paths) {
      if (!this.exampleOf(other, workload) || other === path) continue;
      const box = element("input", { type: "checkbox", checked: names.includes(other) });
      box.addEventListener("change", () => {
        const beside = names.filter((name) => name !== path && (name !== other || box.checked));
        if (box.checked) beside.push(other);
        void this.choose(path, workload, beside);
      });
      others.append(element("label", {}, box, other));
    }
    this.examples.replaceChildren(
      element(
        "div",
        { class: "row" },
        element("h2", {}, workload),
        element("p", { class: "sentence" }, sentence),
        others,
      ),
    );
    this.shown = [];
    if (examples.length === 0) {
      add(
        this.examples,
        element(
          "p",
          { class: "hint" },
          "There is no recording of this cell beside the comparison: trapline compare -o DIR keeps them.",
        ),
      );
      return;
    }
    // All have the same scale, with U0 at the same place.
    const longest = Math.max(...examples.map(({ u0_ns, u3_ns }) => u3_ns - u0_ns));
    const [before, after] = [0.12 * longest, 1.12 * longest];
    examples.forEach((example, i) => this.add(example, timelines[i], before, after));
    const last = this.shown[this.shown.length - 1];
    this.side.replaceChildren(cell ? figuresOf(cell) : "", last ? last.details.element : "");
  }

  private add(example: Example, timeline: Timeline, before: number, after: number): void {
    if (timeline.facts.too_many) {
      add(
        this.examples,
        element(
          "p",
          { class: "hint" },
          `${example.path}: too much happened in this event for an example; see it by trapline view of its recording, --from ${Math.floor(example.u0_ns)} --to ${Math.ceil(example.u3_ns)}.`,
        ),
      );
      return;
    }
    const around = { ...timeline, begin: example.u0_ns - before, end: example.u0_ns + after };
    const lanes = makeLanes(around, new ReasonColours(around));
    const details = new Details(around, {
      select: (selected) => panel.select(selected),
      zoomTo: (selected) => panel.zoomTo(selected),
    });
    const events = {
      selected: (selected: Parameters<Details["show"]>[0]) => {
        details.show(selected);
        if (selected) this.side.replaceChildren(details.element);
      },
      area: () => {},
      moved: () => this.follow(example, panel),
    };
    const panel: TimelinePanel = new TimelinePanel(around, lanes, events, { origin: example.u0_ns, overview: false });
    this.shown.push({ example, panel, details });
    panel.marks.area = [example.u0_ns, example.u3_ns];
    const height = Math.min(panel.canvas.contentHeight, 260);
    panel.canvas.element.style.height = `${height}px`;
    const figure = element(
      "figure",
      { "data-path": example.path },
      element(
        "figcaption",
        {},
        element("b", {}, example.path),
        ` ${time(example.u3_ns - example.u0_ns)} from U0 to U3${example.k1_ns === null || example.k2_ns === null ? "" : `: ${time(example.k1_ns - example.u0_ns)} delivery, ${time(example.k2_ns - example.k1_ns)} handler, ${time(example.u3_ns - example.k2_ns)} return`}`,
      ),
      panel.canvas.element,
    );
    this.examples.append(figure);
    panel.redraw();
  }

  // What one shows, all show: counted from U0.
  private follow(example: Example, panel: TimelinePanel): void {
    if (this.following) return;
    this.following = true;
    const { from, to } = panel.range;
    for (const other of this.shown) {
      if (other.panel === panel) continue;
      const shift = other.example.u0_ns - example.u0_ns;
      other.panel.range.set(from + shift, to + shift);
    }
    this.following = false;
  }

  private startKeys(): void {
    const active = () =>
      this.shown.find(({ panel }) => panel.canvas.element === document.activeElement) ?? this.shown[0];
    const dummy = new TimelinePanel({ facts: { states: [], vcpus: [] } as never, vcpus: [], begin: 0, end: 1 }, [], {
      selected: () => {},
      area: () => {},
    });
    // The keys of whichever example is at hand.
    const keys = dummy
      .keys()
      .map((key, i) => ({ ...key, action: (event: KeyboardEvent) => active()?.panel.keys()[i].action(event) }));
    this.keys = new Keys(
      [...keys, { keys: ["t", "T"], shown: "T", what: "light or dark", action: () => (toggleTheme(), this.redraw()) }],
      kPointerHelp,
    );
  }
}

// The cell's own figures, beside the one example.
function figuresOf(cell: CompareCell): HTMLElement {
  const list = element("dl");
  const put = (name: string, value: string) => add(list, element("dt", {}, name), element("dd", {}, value));
  put("events", count(cell.events ?? 0));
  if (cell.cost) {
    put("cost p50", time(cell.cost.p50_ns));
    put("cost p99", time(cell.cost.p99_ns));
    put("cost mean", time(cell.cost.avg_ns));
  }
  for (const [name, phase] of Object.entries(cell.phases ?? {})) put(`${name} p50`, time(phase.p50_ns));
  for (const [name, each] of Object.entries(cell.exits_per_event ?? {}))
    put(`${name} exits`, `${Number(each.toPrecision(4))} an event`);
  for (const [name, ns] of Object.entries(cell.where ?? {}))
    if (ns > 0) put(`in ${name.replace("_ns", "")}`, `${time(ns)} an event`);
  return element("section", { class: "details" }, element("h2", {}, `${cell.workload} on ${cell.path}`), list);
}

function phaseBar(cell: CompareCell): HTMLElement {
  const { phases } = cell;
  if (!phases) return element("div", { class: "bar" });
  const parts = kPhaseNames.map((name) => ({ name, value: phases[name]?.p50_ns ?? 0 }));
  const whole = parts.reduce((sum, { value }) => sum + value, 0);
  return stackedBar(
    parts.map(({ name, value }) => ({
      name,
      value,
      colour: palette.kPhases[name],
      text: `${time(value)}, ${percent(value, whole)}`,
    })),
    whole,
  );
}

// Blue below 1, orange above: each doubling a step further, up to 64 times.
function heat(ratio: number | null): string {
  if (ratio === null || !(ratio > 0)) return "transparent";
  const strength = Math.min(1, Math.abs(Math.log2(ratio)) / 6) * 0.7;
  return ratio < 1 ? `rgba(0, 114, 178, ${strength})` : `rgba(230, 159, 0, ${strength})`;
}
