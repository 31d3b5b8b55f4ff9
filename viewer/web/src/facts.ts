// The shapes of the page's JSON: docs/view.md, docs/report.md, docs/compare.md.

export interface PageFacts {
  kind: "recording" | "compare";
  window?: { from_ns: number; to_ns: number | null; vcpus: number[] | null };
  sample?: number;
  sample_stretch_ns?: number;
  examples?: Example[];
}

export interface Example {
  path: string;
  workload: string;
  timeline: number;
  vcpu: number;
  u0_ns: number;
  k1_ns: number | null;
  k2_ns: number | null;
  u3_ns: number;
}

export interface ExitKind {
  reason: string;
  key: string;
  cause: string;
}

export interface VcpuFacts {
  vcpu: number; // its number in the recording
  vm: number;
  vcpu_id: number; // KVM's, within its VM
  vm_name: string; // empty: not known
}

// What many stories have in common.
export interface StoryShape {
  vector: number;
  source: string;
  by: number[]; // of each link what told of it: an index into linked_by; 0: not seen
  missing: number; // a bit for each link
  depth: number;
  posted: boolean;
  delivered_twice: number;
  tid: number;
  raised_by_vcpu: number | null;
}

export interface TimelineFacts {
  schema: string;
  path: string;
  time_kind: string;
  origin_monotonic_ns: string;
  end_ns: number;
  clock_bound_ns: number;
  counts: Record<string, number>;
  vcpus: VcpuFacts[];
  too_many?: boolean; // of an example: its event holds more than an example may, and is left out
  kinds: (ExitKind | null)[];
  texts: { text: string; kind: string }[]; // steps of the VMM
  shapes: StoryShape[];
  vectors: Record<string, string>;
  user_reasons: Record<string, string>;
  workloads: Record<string, string>;
  states: string[];
  links: string[];
  linked_by: string[];
  event_types: string[];
}

// Tables are made by columns that name a member; rows are looked at by those names only.
export type Row = Record<string, unknown>;

export interface Report {
  time: { kind: string };
  context: Row;
  lost: { records: number; cut_files: string[] };
  unattributed: number;
  filter: { exits: string; left_out: number };
  clock: { bound_ns: number; sync_error_ns: number; stamps: number; violations: number };
  probe_cost: { per_exit_ns: number; exits: number } | null;
  exits: Row[];
  halts: Row[];
  scheduling: Row[];
  interrupts: { total: number; complete: number; by_vector: Row[] };
  vmm_steps: Row[];
  workloads: Row[];
  accounting: Row[];
  counted_elsewhere: { guest: Row[]; kvm: Row[] };
}

export interface Figures {
  p50_ns: number;
  p99_ns: number;
  avg_ns: number;
  max_ns: number;
}

export interface CompareCell {
  path: string;
  workload: string;
  skipped: string | null;
  events?: number;
  waits?: boolean;
  round_trip?: Figures;
  cost?: Figures;
  ratio?: number | null;
  phases?: Record<string, Figures & { where_total: Record<string, number> }> | null;
  where?: Record<string, number> | null;
  exits_per_event?: Record<string, number> | null;
  difference?: { sentence: string } | null;
}

export interface CompareReport {
  time: { kind: string };
  context: Row;
  base: string;
  rounds: number;
  lost: { records: number };
  clock: { bound_ns: number };
  probe_cost: { per_exit_ns: number } | null;
  paths: string[];
  workloads: { name: string; summary: string }[];
  cells: CompareCell[];
}
