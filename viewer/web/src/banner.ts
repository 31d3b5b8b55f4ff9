// What a reader must know before believing any figure: first on the page, not in a footnote.
import { element } from "./dom";
import { count, time } from "./format";
import type { CompareReport, PageFacts, Report } from "./facts";

type Note = [text: string, grave: boolean];

const kTimes: Record<string, Note | undefined> = {
  emulated: ["Emulated machine: counts and order are real, times are not", true],
  counted: ["Counted time: figures are executed instructions, not nanoseconds", true],
};

function banner(notes: Note[]): HTMLElement {
  const made = element("div", { class: "banner", role: "note", "aria-label": "How far this can be believed" });
  for (const [text, grave] of notes) made.append(element("span", { class: grave ? "grave" : "" }, text));
  return made;
}

const lost = (records: number): Note => [`Lost records: ${count(records)}`, records > 0];

function part({ window, sample, sample_stretch_ns: stretch }: PageFacts): Note[] {
  const notes: Note[] = [];
  if (window && (window.from_ns > 0 || window.to_ns !== null)) {
    const to = window.to_ns === null ? "the end" : time(window.to_ns);
    notes.push([`Timeline of ${time(window.from_ns)} to ${to} only; the tables are of the whole recording`, true]);
  }
  if (window?.vcpus) notes.push([`Timeline of vCPU ${window.vcpus.join(", ")} only`, true]);
  if (sample !== undefined && sample > 1) {
    notes.push([
      `SAMPLE: the timeline has one of ${sample} stretches of ${time(stretch ?? 0)}, each whole; the tables are of the whole recording`,
      true,
    ]);
  }
  return notes;
}

export function reportBanner(report: Report, page: PageFacts): HTMLElement {
  const { clock, probe_cost: cost } = report;
  const kind = kTimes[report.time.kind];
  const ended = String(report.context["ended"] ?? "");
  return banner([
    ...(kind ? [kind] : []),
    ...part(page),
    lost(report.lost.records),
    ...report.lost.cut_files.map((file): Note => [`Cut: the end of ${file} is missing`, true]),
    ...(ended === "finished"
      ? []
      : [[`Recording ${ended}`, ended.startsWith("cut") || ended.includes("crash")] as Note]),
    [
      `Sync error: ${time(clock.sync_error_ns)} (${count(clock.violations)} of ${count(clock.stamps)} stamps outside the bound of ${time(clock.bound_ns)})`,
      clock.violations > 0,
    ],
    cost ? [`Probe cost: ${time(cost.per_exit_ns)} an exit`, false] : ["Probe cost: not measured", false],
    ...(report.filter.exits
      ? [
          [
            `Filtered while recording (${report.filter.exits}): ${count(report.filter.left_out)} exits left out`,
            true,
          ] as Note,
        ]
      : []),
    ...(report.unattributed > 0 ? [[`Interrupts of no known VM: ${count(report.unattributed)}`, false] as Note] : []),
  ]);
}

export function compareBanner(report: CompareReport): HTMLElement {
  const kind = kTimes[report.time.kind];
  const cost = report.probe_cost;
  return banner([
    ...(kind ? [kind] : []),
    lost(report.lost.records),
    [`Clock bound: ${time(report.clock.bound_ns)}`, false],
    cost
      ? [`Probe cost: ${time(cost.per_exit_ns)} an exit, not subtracted`, false]
      : ["Probe cost: not measured", false],
  ]);
}
