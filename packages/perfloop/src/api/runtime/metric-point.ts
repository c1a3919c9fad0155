import { RUNTIME_METRICS, type RuntimeMetric } from '../../domain/runtime-metric.ts'

/** A point's place among the quantities: which of the metrics it is of, and of which part of its instance. */
export interface PlacedPoint {
  readonly metric: RuntimeMetric
  /** Among all metrics: of two of one quantity the lower is taken. */
  readonly rank: number
  readonly part: string
  /** Value of the attribute over which the mean is taken; empty for none. */
  readonly unit: string
}

const BY_NAME = groupByName()

function groupByName(): ReadonlyMap<string, readonly (readonly [RuntimeMetric, number])[]> {
  const byName = new Map<string, (readonly [RuntimeMetric, number])[]>()
  for (const [rank, metric] of RUNTIME_METRICS.entries()) {
    const known = byName.get(metric.name)
    if (known === undefined) byName.set(metric.name, [[metric, rank]])
    else known.push([metric, rank])
  }
  return byName
}

/** undefined for a point that no quantity wants. */
export function placePoint(
  name: string,
  attributes: Readonly<Record<string, string>>,
): PlacedPoint | undefined {
  for (const [metric, rank] of BY_NAME.get(name) ?? []) {
    const { where, parts = [] } = metric
    if (where !== undefined && !where.is.includes(attributes[where.attribute] ?? '')) continue
    return {
      metric,
      rank,
      part: firstOf(parts, attributes),
      unit: firstOf(metric.meanOver ?? [], attributes),
    }
  }
  return undefined
}

function firstOf(keys: readonly string[], attributes: Readonly<Record<string, string>>): string {
  for (const key of keys) {
    const value = attributes[key]
    if (value !== undefined) return value
  }
  return ''
}

/** Attributes as they are stored with a scalar point, a JSON object, as texts. */
export function readAttributes(json: string): Readonly<Record<string, string>> {
  try {
    const parsed: unknown = JSON.parse(json)
    if (typeof parsed !== 'object' || parsed === null) return {}
    return Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, String(value)]))
  } catch {
    return {}
  }
}
