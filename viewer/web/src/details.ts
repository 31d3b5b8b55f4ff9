// Everything that is known of the slice that was pointed at, in words.
import { add, button, element } from "./dom";
import { count, exact, hex, time } from "./format";
import { vectorName } from "./lanes";
import { rawFieldsOf, type RawFields } from "./raw_fields";
import { linkAt, spanOf, storyOf, type Selected } from "./selection";
import { isrOf } from "./arrows";
import {
  kComplete,
  kException,
  kHalts,
  kLinks,
  kOpen,
  kReinjected,
  type Timeline,
  type VcpuTimeline,
} from "./timeline";
import { lowerBound } from "./track";

export interface DetailsActions {
  select(selected: Selected): void;
  zoomTo(selected: Selected): void;
}

type Fields = [name: string, value: string][];

const kNoRip = 1 << 4; // flags of the record, bpf/record.h
const yes = (flag: boolean) => (flag ? "yes" : "no");

// By its number in the recording.
function vcpuName(timeline: Timeline, number: number): string {
  const found = timeline.vcpus.find(({ vcpu }) => vcpu === number);
  return found ? [found.label, found.vmLabel].filter(Boolean).join(" of ") : `vCPU number ${number} of the recording`;
}

// An event on its way into the guest: SVM's EVENTINJ and EXITINTINFO, VMX's interruption information.
function eventField(timeline: Timeline, field: bigint): string {
  const bits = Number(field);
  if (bits < 0x8000_0000) return hex(field);
  const type = timeline.facts.event_types[(bits >> 8) & 7] ?? "?";
  return `${hex(field)}: ${type}, vector ${hex(bits & 0xff)}`;
}

function optional(rows: Uint32Array, times: Float64Array, row: number): number {
  const found = lowerBound(rows, row, 0);
  return rows[found] === row ? times[found] : NaN;
}

function rawFields(timeline: Timeline, raw: RawFields, toUser: boolean): Fields {
  const fields: Fields = [
    ["RIP", raw.flags & kNoRip ? "not told by the probes" : hex(raw.rip)],
    ["code", hex(raw.code)],
    ["info1", hex(raw.info1)],
    ["info2", hex(raw.info2)],
    ["injected at entry", raw.event_inj === 0n ? "nothing" : eventField(timeline, raw.event_inj)],
    ["exit_int_info", eventField(timeline, raw.exit_int_info)],
  ];
  if (toUser) {
    const name = timeline.facts.user_reasons[String(raw.user_reason)];
    fields.push(["to user space for", name ?? String(raw.user_reason)]);
  }
  return fields;
}

function exitFields(timeline: Timeline, vcpu: VcpuTimeline, row: number): Fields {
  const { exits } = vcpu;
  const kind = timeline.facts.kinds[exits.kind[row]];
  const flags = exits.flags[row];
  const begin = exits.begin[row];
  const end = exits.end[row];
  const fields: Fields = [
    ["reason", kind?.reason ?? "?"],
    ["what", kind?.key || "-"],
    ["cause", kind?.cause === "guest" ? "the guest's program" : "it happened to it"],
  ];
  if (flags & kOpen) fields.push(["open", "no entry followed before the recording's end"]);
  if (flags & kHalts) fields.push(["halts", "yes"]);
  const left = optional(exits.userRow, exits.userAt, row);
  if (!Number.isNaN(left)) fields.push(["KVM_RUN returned", `${time(left - begin)} after the exit`]);
  const vmmBegin = optional(exits.vmmRow, exits.vmm.begin, row);
  const vmmEnd = optional(exits.vmmRow, exits.vmm.end, row);
  if (!Number.isNaN(vmmBegin)) {
    fields.push(["in the VMM", exact(vmmEnd - vmmBegin)]);
    fields.push(["in KVM", exact(end - begin - (vmmEnd - vmmBegin))]);
  }
  return fields;
}

function injectionFields(timeline: Timeline, vcpu: VcpuTimeline, row: number): Fields {
  const { injections } = vcpu;
  const flags = injections.flags[row];
  const story = injections.story[row];
  return [
    ["vector", vectorName(timeline, injections.vector[row])],
    ["exception", yes((flags & kException) !== 0)],
    ["injected again", yes((flags & kReinjected) !== 0)],
    ["story", story === 0 ? "none" : `#${story}`],
  ];
}

function isrFields(timeline: Timeline, vcpu: VcpuTimeline, row: number): Fields {
  const { isrs } = vcpu;
  const eoi = isrs.eoi[row];
  return [
    ["vector", vectorName(timeline, isrs.vector[row])],
    ["workload", timeline.facts.workloads[String(isrs.workload[row])] ?? "-"],
    ["depth", String(isrs.depth[row])],
    ["iret seen", yes((isrs.flags[row] & kComplete) !== 0)],
    ["EOI", Number.isNaN(eoi) ? "not seen" : `${time(eoi - isrs.begin[row])} after its entry`],
    ["story", isrs.story[row] === 0 ? "none" : `#${isrs.story[row]}`],
  ];
}

function eventFields(timeline: Timeline, vcpu: VcpuTimeline, row: number): Fields {
  const { events } = vcpu;
  const u0 = events.begin[row];
  const at = (value: number) => (Number.isNaN(value) ? "not seen" : `U0 + ${time(value - u0)}`);
  const fields: Fields = [
    ["workload", timeline.facts.workloads[String(events.workload[row])] ?? "?"],
    ["iteration", count(events.iteration[row])],
    ["K1, handler entered", at(events.k1[row])],
    ["K2, before iret", at(events.k2[row])],
    ["U3, back in user mode", at(events.end[row])],
    ["exits: user", String(events.user[row])],
    ["exits: kernel", String(events.kernel[row])],
    ["exits: async", String(events.async[row])],
  ];
  if (!Number.isNaN(events.handler[row])) fields.push(["handler on", vcpuName(timeline, events.handler[row])]);
  return fields;
}

function storyFields(timeline: Timeline, vcpu: VcpuTimeline, row: number): Fields {
  const { stories } = vcpu;
  const shape = timeline.facts.shapes[stories.shape[row]];
  const missing = timeline.facts.links.filter((_, link) => (shape.missing >> link) & 1);
  const fields: Fields = [
    ["vector", vectorName(timeline, shape.vector)],
    ["source", shape.source],
    ["missing", missing.length === 0 ? "nothing: complete" : missing.join(", ")],
    ["coalesced", count(stories.coalesced[row])],
    ["injected again", count(stories.reinjections[row])],
    ["delivered twice", count(shape.delivered_twice)],
    ["masked entries", count(stories.masked[row])],
    ["depth", String(shape.depth)],
    ["posted", yes(shape.posted)],
  ];
  if (shape.tid !== 0) fields.push(["raised by thread", String(shape.tid)]);
  if (shape.raised_by_vcpu !== null) fields.push(["raised by", vcpuName(timeline, shape.raised_by_vcpu)]);
  return fields;
}

const kTitles: Record<Selected["kind"], string> = {
  states: "State",
  exits: "VM exit",
  vmm: "Stay in the VMM",
  steps: "Step of the VMM",
  injections: "Injection",
  isrs: "Guest ISR",
  events: "Workload event",
  pending: "Interrupt",
};

function fieldsOf(timeline: Timeline, selected: Selected): Fields {
  const { kind, vcpu, row } = selected;
  switch (kind) {
    case "states":
      return [["state", timeline.facts.states[vcpu.states.state[row]] ?? "not in this page"]];
    case "exits":
    case "vmm":
      return exitFields(timeline, vcpu, row);
    case "steps":
      return [["step", timeline.facts.texts[vcpu.steps.text[row]]?.text ?? "?"]];
    case "injections":
      return injectionFields(timeline, vcpu, row);
    case "isrs":
      return isrFields(timeline, vcpu, row);
    case "events":
      return eventFields(timeline, vcpu, row);
    case "pending":
      return storyFields(timeline, vcpu, row);
  }
}

function definitionList(fields: Fields): HTMLElement {
  const list = element("dl");
  for (const [name, value] of fields) {
    add(list, element("dt", {}, name), element("dd", { "data-field": name }, value));
  }
  return list;
}

// Its links in the order of time, each with what told of it and how long after the one before.
function storyTable(timeline: Timeline, vcpu: VcpuTimeline, story: number): HTMLElement {
  const { facts } = timeline;
  const shape = facts.shapes[vcpu.stories.shape[story]];
  const links = Array.from({ length: kLinks }, (_, link) => ({ link, at: linkAt(vcpu, story, link) }))
    .filter(({ at }) => !Number.isNaN(at))
    .sort((a, b) => a.at - b.at || a.link - b.link);
  const body = element("tbody");
  links.forEach(({ link, at }, i) => {
    const after = i === 0 ? "" : `+${time(at - links[i - 1].at)}`;
    const by = facts.linked_by[shape.by[link]] ?? "?";
    add(
      body,
      element(
        "tr",
        {},
        element("th", { scope: "row" }, (facts.links[link] ?? "?").replace("_", " ")),
        element("td", { class: "number", title: exact(at) }, i === 0 ? time(at) : after),
        element("td", {}, by),
      ),
    );
  });
  const head = element("tr", {}, element("th", {}, "link"), element("th", {}, "when"), element("th", {}, "told by"));
  return element("table", { class: "story" }, element("thead", {}, head), body);
}

export class Details {
  readonly element = element("section", { class: "details", "aria-label": "Details" });
  private shown = 0;

  // `nothing`: what is shown while nothing is selected.
  constructor(
    private readonly timeline: Timeline,
    private readonly actions: DetailsActions,
    private readonly nothing: HTMLElement | null = null,
  ) {
    this.show(null);
  }

  show(selected: Selected | null): void {
    const turn = ++this.shown;
    this.element.replaceChildren();
    if (!selected) {
      add(
        this.element,
        this.nothing,
        element(
          "p",
          { class: "hint" },
          "Click a slice for its details; Shift and drag selects a stretch of time. ? shows the keys.",
        ),
      );
      return;
    }
    const [begin, end] = spanOf(selected);
    const head = element(
      "div",
      { class: "row" },
      element("h2", {}, kTitles[selected.kind]),
      button("Zoom", "Zoom to it (z)", () => this.actions.zoomTo(selected)),
    );
    const when: Fields = [
      ["on", [selected.vcpu.label, selected.vcpu.vmLabel].filter(Boolean).join(" of ")],
      ["begins at", exact(begin)],
      ["lasts", `${time(end - begin)} (${exact(end - begin)})`],
    ];
    add(this.element, head);
    this.addStory(selected);
    add(this.element, definitionList([...fieldsOf(this.timeline, selected), ...when]));
    if (selected.kind === "exits" || selected.kind === "vmm") this.addRawFields(selected, turn);
  }

  private addStory(selected: Selected): void {
    const story = storyOf(selected);
    if (story < 0) return;
    const { vcpu } = selected;
    const head = element("div", { class: "row" }, element("h3", {}, `Story #${vcpu.stories.id[story]}`));
    if (selected.kind !== "pending") {
      add(
        head,
        button("Whole story", "All of the interrupt", () => this.actions.select({ kind: "pending", vcpu, row: story })),
      );
    }
    const isr = isrOf(vcpu, story);
    if (selected.kind !== "isrs" && isr >= 0) {
      add(
        head,
        button("Its ISR", "The handler that it led to", () => this.actions.select({ kind: "isrs", vcpu, row: isr })),
      );
    }
    add(this.element, head, storyTable(this.timeline, vcpu, story));
  }

  private addRawFields(selected: Selected, turn: number): void {
    const toUser = optional(selected.vcpu.exits.userRow, selected.vcpu.exits.userAt, selected.row);
    void rawFieldsOf(selected.vcpu, selected.row).then((raw) => {
      if (turn !== this.shown || !raw) return;
      add(
        this.element,
        element("h3", {}, "As recorded"),
        definitionList(rawFields(this.timeline, raw, !Number.isNaN(toUser))),
      );
    });
  }
}
