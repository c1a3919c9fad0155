import {
  operations,
  PLAIN_SORTS,
  rankedOperations,
} from '../store/telemetry/queries/operations.query.ts'
import type { ParamsOf, RowOf } from '../store/telemetry/query.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'

type Ask = Omit<ParamsOf<typeof operations>, 'names'>
type Operation = RowOf<typeof operations>

/** One name may be of several services and kinds: of all that share the names of a page. */
const MOST_NAMESAKES = 10_000

/** A page of operations. Where their order can be told without it, percentiles are computed for the page alone. */
export async function listOperations(
  telemetry: TelemetryStore,
  ask: Ask,
): Promise<readonly Operation[]> {
  const sort = PLAIN_SORTS.find(plain => plain === (ask.sort ?? 'total_time'))
  if (sort === undefined) return await telemetry.run(operations, ask)
  const ranked = await telemetry.run(rankedOperations, { ...ask, sort })
  if (ranked.length === 0) return []
  const found = await telemetry.run(operations, {
    ...ask,
    names: [...new Set(ranked.map(({ operation }) => operation))],
    limit: MOST_NAMESAKES,
    offset: 0,
  })
  const byKey = new Map(found.map(row => [keyOf(row), row]))
  return ranked.flatMap(place => {
    const row = byKey.get(keyOf(place))
    const { entry_duration_ns, total } = place
    return row === undefined ? [] : [{ ...row, entry_duration_ns, total }]
  })
}

function keyOf({
  environment,
  service,
  operation,
  kind,
}: Pick<Operation, 'environment' | 'service' | 'operation' | 'kind'>): string {
  return JSON.stringify([environment, service, operation, kind])
}
