import {
  entriesOfTraces,
  eventLoopBlocks,
} from '../../store/telemetry/queries/event-loop-blocks.query.ts'
import { shapesById } from '../../store/telemetry/queries/trace.query.ts'
import { rebuildAttributes } from '../../store/telemetry/rebuild-attributes.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type { EventLoopBlock, EventLoopBlockParams } from '../contract/runtime.ts'
import { toLimit } from '../page.ts'
import { isoFromNs, type RequestRange, toUnixNs } from '../request-range.ts'

/** Entry operations a trace may have before the one that is looked for is not found. */
const ENTRIES_PER_TRACE = 20

/** Places that blocked the event loop, with what the longest block of each ran for. */
export async function readEventLoopBlocks(
  telemetry: TelemetryStore,
  params: EventLoopBlockParams,
  range: RequestRange,
): Promise<{ readonly blocks: EventLoopBlock[]; readonly total: number }> {
  const rows = await telemetry.run(eventLoopBlocks, {
    environment: params.environment,
    service: params.service,
    instance: params.instance ?? '',
    from_unix_ns: toUnixNs(range.fromUnixMs),
    to_unix_ns: toUnixNs(range.toUnixMs),
    ...toLimit(params),
  })
  if (rows.length === 0) return { blocks: [], total: 0 }
  const [shapes, entries] = await Promise.all([
    telemetry.run(shapesById, { shapes: [...new Set(rows.map(({ shape }) => shape))] }),
    telemetry.run(entriesOfTraces, {
      trace_ids: [...new Set(rows.map(({ trace_id }) => trace_id))],
      service: params.service,
      limit: rows.length * ENTRIES_PER_TRACE,
    }),
  ])
  const shapeById = new Map(shapes.map(shape => [shape.shape, shape]))
  const blocks = rows.map(row => {
    const shape = shapeById.get(row.shape)
    const attributes = shape && rebuildAttributes(shape, row.attribute_values).attributes
    const endUnixNs = row.longest_unix_ns + BigInt(row.longest_ns)
    // They come latest first: what began last before the block was over is what it ran for.
    const entry = entries.find(
      ({ trace_id, start_unix_ns }) => trace_id === row.trace_id && start_unix_ns <= endUnixNs,
    )
    return {
      function: textOrNull(attributes?.['code.function.name']),
      code_location: row.code_location || null,
      starved: row.starved,
      stack: textOrNull(attributes?.['code.stacktrace']),
      operation: entry?.operation ?? null,
      operation_kind: entry?.kind ?? null,
      blocks: row.blocks,
      total_ns: row.total_ns,
      longest_ns: row.longest_ns,
      last_seen: isoFromNs(row.last_unix_ns),
      trace_id: row.trace_id,
      span_id: row.span_id,
    }
  })
  return { blocks, total: rows[0]?.total ?? 0 }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
