// The raw fields of exits, which are unpacked when somebody looks at one.
import { ColumnReader, gunzip } from "./bytes";
import type { ColdPart, VcpuTimeline } from "./timeline";

export interface RawFields {
  flags: number;
  rip: bigint;
  info1: bigint;
  info2: bigint;
  code: bigint;
  event_inj: bigint;
  exit_int_info: bigint;
  user_reason: number;
}

// Rows of a kind stand together, kinds in the order of their numbers.
function orderOf(part: ColdPart, kind: Uint32Array): Uint32Array {
  const kinds = kind.subarray(part.firstRow, part.firstRow + part.rows);
  return Uint32Array.from(kinds, (_, row) => row).sort((a, b) => kinds[a] - kinds[b] || a - b);
}

export async function rawFieldsOf(vcpu: VcpuTimeline, row: number): Promise<RawFields | null> {
  const part = vcpu.cold.find(({ firstRow, rows }) => row >= firstRow && row < firstRow + rows);
  if (!part) return null;
  const reader = new ColumnReader(await gunzip(part.gzip));
  const [flags, rip, info1, info2, code, eventInj, exitIntInfo, userReason] = reader.columns(8);
  const sums = { rip: 0n, info1: 0n, info2: 0n, code: 0n, event_inj: 0n, exit_int_info: 0n };
  for (const at of orderOf(part, vcpu.exits.kind)) {
    const bits = flags.number();
    sums.rip = BigInt.asUintN(64, sums.rip + rip.bigDistance());
    sums.info1 = BigInt.asUintN(64, sums.info1 + info1.bigDistance());
    sums.info2 = BigInt.asUintN(64, sums.info2 + info2.bigDistance());
    sums.code = BigInt.asUintN(64, sums.code + code.bigDistance());
    sums.event_inj = BigInt.asUintN(64, sums.event_inj + eventInj.bigDistance());
    sums.exit_int_info = BigInt.asUintN(64, sums.exit_int_info + exitIntInfo.bigDistance());
    const user = userReason.number();
    if (part.firstRow + at === row) return { flags: bits, ...sums, user_reason: user };
  }
  return null;
}
