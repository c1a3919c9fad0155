/**
 * Puts points on an even grid of steps. A step without a point is a gap (null), which is drawn as one:
 * nothing measured is not zero.
 */
export function toTimeGrid<Point extends { readonly time: string }>(
  points: readonly Point[],
  stepSeconds: number,
): { readonly times: number[]; readonly points: (Point | null)[] } {
  const byTime = new Map<number, Point>()
  for (const point of points) byTime.set(Date.parse(point.time) / 1_000, point)
  const known = [...byTime.keys()].sort((a, b) => a - b)
  const first = known[0]
  const last = known.at(-1)
  if (first === undefined || last === undefined || stepSeconds <= 0)
    return { times: [], points: [] }
  const steps = Math.round((last - first) / stepSeconds)
  // A hole of months at a step of seconds would make millions of gaps: then the known points alone are drawn.
  if (steps > MOST_STEPS) {
    return { times: known, points: known.map(time => byTime.get(time) ?? null) }
  }
  const times = Array.from({ length: steps + 1 }, (_, step) => first + step * stepSeconds)
  return { times, points: times.map(time => byTime.get(time) ?? null) }
}

const MOST_STEPS = 5_000

/** Running sums from the bottom up, for areas on top of each other. A gap in the first layer is one in all. */
export function stack(layers: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const out: (number | null)[][] = []
  for (const layer of layers) {
    const below = out.at(-1)
    out.push(
      layer.map((value, index) => {
        const base = below === undefined ? 0 : below[index]
        return base === null || base === undefined || value === null ? null : base + value
      }),
    )
  }
  return out
}
