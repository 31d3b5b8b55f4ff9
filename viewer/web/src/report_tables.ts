// The report's tables: the same rows and figures as `trapline report` prints, from the same document.
import { stackedBar } from "./dom";
import { percent, time } from "./format";
import type { Report, Row } from "./facts";
import * as palette from "./palette";
import { DataTable, valueAt, type ColumnSpec, type RowSpec } from "./table";

export const kStretches = [
  ["raised_to_accepted", "raised-accepted"],
  ["accepted_to_injected", "accepted-injected"],
  ["injected_to_isr", "injected-ISR"],
  ["raised_to_isr", "raised-ISR"],
  ["isr_to_eoi", "ISR-EOI"],
  ["isr_to_iret", "ISR-iret"],
  ["raised_to_iret", "raised-iret"],
] as const;
// Those that follow one another.
const kStages = ["raised_to_accepted", "accepted_to_injected", "injected_to_isr", "isr_to_iret"] as const;

export const kFigures = ["p50_ns", "p90_ns", "p99_ns", "max_ns", "avg_ns"] as const;
export type Figure = (typeof kFigures)[number];

export interface ChosenRow {
  exit(row: Row): void;
  interrupt(row: Row, stretch: string): void;
  workload(row: Row): void;
  step(row: Row): void;
}

// The VM is told where there are several.
const whose = (rows: Row[]): ColumnSpec[] =>
  new Set(rows.map((row) => row["vm"] ?? 0)).size > 1
    ? [text("VM", "vm"), text("vCPU", "vcpu")]
    : [text("vCPU", "vcpu")];

const rowsOf = (rows: Row[], pointer: string): RowSpec[] => rows.map((row, i) => ({ row, pointer: `${pointer}/${i}` }));

const text = (title: string, ...path: string[]): ColumnSpec => ({ title, path, shown: "text" });
const amount = (title: string, ...path: string[]): ColumnSpec => ({ title, path, shown: "count" });
const duration = (title: string, ...path: string[]): ColumnSpec => ({ title, path, shown: "time" });

function exitsTable(report: Report, chosen: ChosenRow): DataTable {
  const longest = Math.max(...report.exits.map((row) => Number(row["total_ns"])), 1);
  const bar = (row: Row) => {
    const value = (name: string) => Number(row[name] ?? 0);
    return stackedBar(
      [
        { name: "in KVM", value: value("kvm_ns"), colour: palette.kPlaces["kvm_ns"], text: time(value("kvm_ns")) },
        { name: "in VMM", value: value("vmm_ns"), colour: palette.kPlaces["vmm_ns"], text: time(value("vmm_ns")) },
      ],
      longest,
    );
  };
  const columns: ColumnSpec[] = [
    ...whose(report.exits),
    text("reason", "reason"),
    text("what", "key"),
    text("cause", "cause"),
    amount("count", "count"),
    duration("total", "total_ns"),
    duration("handling", "handling_ns"),
    { title: "KVM, VMM", path: [], shown: "text", bar },
    duration("min", "min_ns"),
    duration("avg", "avg_ns"),
    duration("p50", "p50_ns"),
    duration("p90", "p90_ns"),
    duration("p99", "p99_ns"),
    duration("max", "max_ns"),
    duration("in KVM", "kvm_ns"),
    duration("in VMM", "vmm_ns"),
  ];
  const caption = "What exits cost, by reason and what they were about. A row shows its histogram and its worst one.";
  return new DataTable(columns, rowsOf(report.exits, "/exits"), (row) => chosen.exit(row), caption);
}

function interruptsTable(report: Report, figure: Figure, chosen: ChosenRow): DataTable {
  const rows = report.interrupts.by_vector;
  const stage = (row: Row, name: string) => Number(valueAt(row, ["latency", name, figure]) ?? 0);
  const whole = (row: Row) => kStages.reduce((sum, name) => sum + stage(row, name), 0);
  const longest = Math.max(...rows.map(whole), 1);
  const bar = (row: Row) =>
    stackedBar(
      kStages.map((name, i) => ({
        name: name.replaceAll("_", " "),
        value: stage(row, name),
        colour: palette.kStages[i],
        text: time(stage(row, name)),
      })),
      longest,
    );
  const columns: ColumnSpec[] = [
    ...whose(rows),
    text("vector", "name"),
    text("source", "source"),
    amount("count", "count"),
    amount("complete", "complete"),
    { title: "stages", path: [], shown: "text", bar },
    ...kStretches.map(([name, title]) => duration(title, "latency", name, figure)),
    amount("kicked", "kicked"),
    amount("coalesced", "coalesced"),
    amount("again", "reinjected"),
    amount("twice", "delivered_twice"),
    amount("masked", "masked"),
    amount("nested", "nested"),
  ];
  const choose = (row: Row, column: ColumnSpec) =>
    chosen.interrupt(
      row,
      column.path[0] === "latency" && valueAt(row, column.path) !== undefined ? column.path[1] : defaultStretch(row),
    );
  const caption = `Interrupts, exceptions and system calls: ${report.interrupts.complete} of the ${report.interrupts.total} that were brought to the guest are complete from cause to iret. A click on a stretch shows its histogram and its worst one.`;
  return new DataTable(columns, rowsOf(rows, "/interrupts/by_vector"), choose, caption);
}

function defaultStretch(row: Row): string {
  const latency = (row["latency"] ?? {}) as Row;
  return ["raised_to_isr", "isr_to_iret", ...Object.keys(latency)].find((name) => name in latency) ?? "raised_to_isr";
}

function accountingTable(report: Report): DataTable {
  const names = [...new Set(report.accounting.flatMap((row) => Object.keys((row["states"] ?? {}) as Row)))];
  // In the order of the palette's table, which is that of the states; what nobody was in is left out.
  const used = names.filter((name) => report.accounting.some((row) => Number(valueAt(row, ["states", name])) > 0));
  const bar = (row: Row) =>
    stackedBar(
      used.map((name) => {
        const value = Number(valueAt(row, ["states", name]) ?? 0);
        const text = `${time(value)}, ${percent(value, Number(row["traced_ns"]))}`;
        return { name, value, colour: palette.stateColour(name), text };
      }),
      Number(row["traced_ns"]),
    );
  const columns: ColumnSpec[] = [
    ...whose(report.accounting),
    duration("traced", "traced_ns"),
    { title: "where", path: [], shown: "text", bar },
    ...used.map((name) => duration(name, "states", name)),
  ];
  return new DataTable(
    columns,
    rowsOf(report.accounting, "/accounting"),
    null,
    "Every nanosecond of each vCPU; states add up to the traced time.",
  );
}

function haltsTable(report: Report): DataTable {
  const columns = [
    ...whose(report.halts),
    amount("polled", "polled"),
    amount("slept", "slept"),
    duration("polling", "halt_poll_ns"),
    duration("asleep", "halted_ns"),
    duration("polls up to", "poll_window_ns"),
  ];
  return new DataTable(
    columns,
    rowsOf(report.halts, "/halts"),
    null,
    "Halts whose interrupt came while KVM polled for it, and those in which the thread slept.",
  );
}

function schedulingTable(report: Report): DataTable {
  const of = (name: string): ColumnSpec[] => [
    amount(name, name, "count"),
    duration("total", name, "total_ns"),
    duration("p99", name, "p99_ns"),
    duration("max", name, "max_ns"),
  ];
  const columns = [...whose(report.scheduling), duration("steal", "steal_ns"), ...of("preempted"), ...of("woken")];
  return new DataTable(
    columns,
    rowsOf(report.scheduling, "/scheduling"),
    null,
    "How long the thread could have run and had no CPU: the host let something else run (preempted), or it had been woken.",
  );
}

function workloadsTable(report: Report, chosen: ChosenRow): DataTable {
  const phases = ["delivery", "handler", "return"];
  const p50 = (row: Row, phase: string) => Number(valueAt(row, ["phases", phase, "p50_ns"]) ?? 0);
  const longest = Math.max(
    ...report.workloads.map((row) => phases.reduce((sum, phase) => sum + p50(row, phase), 0)),
    1,
  );
  const bar = (row: Row) =>
    stackedBar(
      phases.map((name) => ({
        name,
        value: p50(row, name),
        colour: palette.kPhases[name],
        text: time(p50(row, name)),
      })),
      longest,
    );
  const columns: ColumnSpec[] = [
    ...whose(report.workloads),
    text("workload", "workload"),
    amount("events", "events"),
    { title: "phases", path: [], shown: "text", bar },
    duration("U0-K1 p50", "phases", "delivery", "p50_ns"),
    duration("K1-K2 p50", "phases", "handler", "p50_ns"),
    duration("K2-U3 p50", "phases", "return", "p50_ns"),
    duration("U0-U3 p50", "round_trip", "p50_ns"),
    duration("p99", "round_trip", "p99_ns"),
    duration("max", "round_trip", "max_ns"),
    { title: "exits/event: user", path: ["exits_per_event", "user"], shown: "number" },
    { title: "kernel", path: ["exits_per_event", "kernel"], shown: "number" },
    { title: "async", path: ["exits_per_event", "async"], shown: "number" },
  ];
  const caption = "Workload events, from before the trap (U0) through the handler (K1-K2) to user mode again (U3).";
  return new DataTable(columns, rowsOf(report.workloads, "/workloads"), (row) => chosen.workload(row), caption);
}

function stepsTable(report: Report, chosen: ChosenRow): DataTable {
  const columns = [
    ...whose(report.vmm_steps),
    text("step", "step"),
    amount("count", "count"),
    duration("total", "total_ns"),
    duration("avg", "avg_ns"),
    duration("p50", "p50_ns"),
    duration("p99", "p99_ns"),
    duration("max", "max_ns"),
  ];
  const caption = "What the VMM did on the delivery path, in the order in which a trap goes through it.";
  return new DataTable(columns, rowsOf(report.vmm_steps, "/vmm_steps"), (row) => chosen.step(row), caption);
}

function countedTables(report: Report): DataTable[] {
  const equal: ColumnSpec = { title: "agrees", path: ["equal"], shown: "flag" };
  const { guest, kvm } = report.counted_elsewhere;
  return [
    new DataTable(
      [
        ...whose(guest),
        text("what", "what"),
        amount("the guest counted", "guest"),
        amount("recorded", "recorded"),
        equal,
      ],
      rowsOf(guest, "/counted_elsewhere/guest"),
      null,
      "What the guest's program counted itself, beside what was recorded of it.",
    ),
    new DataTable(
      [...whose(kvm), text("counter", "counter"), amount("KVM counted", "kvm"), amount("recorded", "recorded"), equal],
      rowsOf(kvm, "/counted_elsewhere/kvm"),
      null,
      "KVM's own counters, beside what was recorded.",
    ),
  ];
}

export interface ReportTab {
  name: string;
  make(figure: Figure): DataTable[];
  figures?: boolean; // the reader can choose which figure is shown
}

export function reportTabs(report: Report, chosen: ChosenRow): ReportTab[] {
  const tabs: ReportTab[] = [
    { name: "Exit costs", make: () => [exitsTable(report, chosen)] },
    { name: "Interrupt latency", make: (figure) => [interruptsTable(report, figure, chosen)], figures: true },
    { name: "Time per vCPU", make: () => [accountingTable(report), haltsTable(report), schedulingTable(report)] },
  ];
  if (report.workloads.length > 0) tabs.push({ name: "Workloads", make: () => [workloadsTable(report, chosen)] });
  if (report.vmm_steps.length > 0) tabs.push({ name: "VMM steps", make: () => [stepsTable(report, chosen)] });
  const { guest, kvm } = report.counted_elsewhere;
  if (guest.length + kvm.length > 0) tabs.push({ name: "Counted elsewhere", make: () => countedTables(report) });
  return tabs;
}
