// Nearest-rank percentiles, as base/distribution has them.

export function percentile(sorted: Float64Array, percent: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}
