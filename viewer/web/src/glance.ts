// What a reader sees before choosing anything: where the time went, what cost most, which interrupt was the
// slowest; each a click away from the place in the timeline.
import { add, button, element, stackedBar } from "./dom";
import type { Report, Row } from "./facts";
import { percent, time } from "./format";
import { exitName } from "./lanes";
import * as palette from "./palette";
import type { ChosenRow } from "./report_tables";
import { valueAt } from "./table";

function most<T>(items: T[], value: (item: T) => number): T | null {
  return items.reduce<T | null>(
    (best, item) => (value(item) > 0 && (best === null || value(item) > value(best)) ? item : best),
    null,
  );
}

function whereTimeWent(report: Report): HTMLElement {
  const made = element("div");
  const several = new Set(report.accounting.map((row) => row["vm"] ?? 0)).size > 1;
  for (const row of report.accounting) {
    const states = Object.entries((row["states"] ?? {}) as Record<string, number>).filter(([, ns]) => ns > 0);
    const traced = Number(row["traced_ns"]);
    const parts = states.map(([name, ns]) => ({
      name,
      value: ns,
      colour: palette.stateColour(name),
      text: `${time(ns)}, ${percent(ns, traced)}`,
    }));
    const largest = [...states].sort((a, b) => b[1] - a[1]).slice(0, 3);
    const words = largest.map(([name, ns]) => `${name} ${percent(ns, traced)}`).join(", ");
    add(
      made,
      element(
        "p",
        { class: "hint" },
        `${several ? `VM ${String(row["vm"])} ` : ""}vCPU ${String(row["vcpu"])}: ${words}`,
      ),
      stackedBar(parts, traced),
    );
  }
  return made;
}

const total = (row: Row) => Number(row["total_ns"] ?? 0);

export function glance(report: Report, chosen: ChosenRow): HTMLElement {
  const made = element("section", { class: "glance", "aria-label": "At a glance" }, element("h2", {}, "At a glance"));
  add(made, element("h3", {}, "Where the time went"), whereTimeWent(report));
  const exit = most(
    report.exits.filter(({ cause }) => cause === "guest"),
    total,
  );
  if (exit) {
    const name = exitName(String(exit["reason"]), String(exit["key"]));
    add(
      made,
      element("h3", {}, "Costliest exit of the guest's making"),
      element("p", {}, `${name}: ${time(total(exit))} in ${String(exit["count"])}`),
      button("Show the worst one", "Its histogram, and its worst in the timeline", () => chosen.exit(exit)),
    );
  }
  const latency = (row: Row) => Number(valueAt(row, ["latency", "raised_to_isr", "max_ns"]) ?? 0);
  const slowest = most(report.interrupts.by_vector, latency);
  if (slowest) {
    add(
      made,
      element("h3", {}, "Slowest interrupt"),
      element(
        "p",
        {},
        `${String(slowest["name"])} (${String(slowest["source"])}): ${time(latency(slowest))} from raised to ISR`,
      ),
      button("Show it", "Its histogram, and the slowest in the timeline", () =>
        chosen.interrupt(slowest, "raised_to_isr"),
      ),
    );
  }
  const event = most(report.workloads, (row) => Number(valueAt(row, ["round_trip", "max_ns"]) ?? 0));
  if (event) {
    add(
      made,
      element("h3", {}, "Longest workload event"),
      element("p", {}, `${String(event["workload"])}: ${time(Number(valueAt(event, ["round_trip", "max_ns"])))}`),
      button("Show it", "Its histogram, and the longest in the timeline", () => chosen.workload(event)),
    );
  }
  return made;
}
