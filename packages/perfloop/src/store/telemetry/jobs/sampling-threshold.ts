/**
 * Consistent probability sampling as OpenTelemetry specifies it (oteps/trace/0235): a trace is kept when its
 * 56 bits of randomness are at or above the rejection threshold (1 − rate) · 2^56. Whoever asks, whenever, at
 * the same or a lower rate decides alike.
 */
export function rejectionThreshold(rate: number): bigint {
  return BigInt(Math.round((1 - rate) * 2 ** 53)) << 3n
}

/** Randomness of a span's trace: the explicit `rv` where its sender gave one, else the end of the trace id. */
export const RANDOMNESS_SQL = `ifNull(randomness, bitAnd(reinterpretAsUInt64(reverse(substring(trace_id, 9, 8))), 0x00FFFFFFFFFFFFFF))`
