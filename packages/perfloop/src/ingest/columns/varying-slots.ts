/**
 * Which attributes of a group are to be carried by its spans, out of the shapes it has made.
 *
 * One that varies by itself (a thread, a connection) multiplies the shapes of all others: without it there
 * are far fewer. Attributes that vary together (a file, its line, its function) do not: without one of
 * them there are as many as before, and constant they cost nothing. So the one whose absence leaves the
 * fewest is chosen; where several vary with every span, and none alone makes a difference, all of them.
 */
export function findVaryingSlots(samples: readonly Int32Array[]): readonly number[] {
  const slots = [...(samples[0] ?? []).keys()]
  const remaining = slots.map(slot => countWithout(samples, slot))
  const best = remaining.indexOf(Math.min(...remaining))
  if ((remaining[best] ?? 0) <= samples.length * WORTHWHILE) return [best]

  const distinct = slots.map(slot => new Set(samples.map(sample => sample[slot])).size)
  const bound = Math.min(Math.max(...distinct), samples.length * VARYING)
  return slots.filter(slot => (distinct[slot] ?? 0) >= bound)
}

/** A slot is worth carrying alone when this share of the shapes, at most, is left without it. */
const WORTHWHILE = 0.9
/** A slot with so many values a shape varies by itself. */
const VARYING = 0.5

function countWithout(samples: readonly Int32Array[], without: number): number {
  const seen = new Set<number>()
  for (const sample of samples) {
    let low = 0x2545f491
    let high = 0
    for (let slot = 0; slot < sample.length; slot++) {
      if (slot === without) continue
      const hash = sample[slot] as number
      low = Math.imul(low ^ hash, 0x85ebca6b)
      low ^= low >>> 15
      high = Math.imul(((high << 5) | (high >>> 27)) + hash, 0xc2b2ae35)
    }
    seen.add((high >>> 11) * 0x1_0000_0000 + (low >>> 0))
  }
  return seen.size
}
