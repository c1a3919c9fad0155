import type { OperationKey } from '../../domain/span.ts'
import type { OptimizerSettings } from '../../settings/optimizer.ts'
import { measurementBlocks } from '../../store/telemetry/queries/measurement-blocks.query.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type { Block, MeasuredOperation } from './judge-effect.ts'

export interface Span {
  readonly fromUnixMs: number
  readonly toUnixMs: number
}

const NS_PER_MS = 1_000_000n

/**
 * Blocks of one operation in two windows. A block is as long as it must be for the window with less traffic
 * to have executions enough in it, so that rare operations are compared by longer blocks.
 */
export async function measureEffect(
  telemetry: TelemetryStore,
  operation: OperationKey,
  windows: { readonly before: Span; readonly after: Span },
  settings: OptimizerSettings['verification'],
): Promise<MeasuredOperation> {
  const [beforeWhole, afterWhole] = await Promise.all([
    readWhole(telemetry, operation, windows.before),
    readWhole(telemetry, operation, windows.after),
  ])
  const rarest = Math.min(
    beforeWhole.calls / lengthMs(windows.before),
    afterWhole.calls / lengthMs(windows.after),
  )
  const needed = rarest > 0 ? (2 * settings.minBlockCalls) / rarest : settings.blockMs
  const blockMs = Math.max(
    settings.blockMs,
    Math.ceil(needed / settings.blockMs) * settings.blockMs,
  )
  const [before, after] = await Promise.all([
    readBlocks(telemetry, operation, windows.before, blockMs, settings.minBlockCalls),
    readBlocks(telemetry, operation, windows.after, blockMs, settings.minBlockCalls),
  ])
  return {
    operation,
    before: { blocks: before, whole: beforeWhole, seconds: lengthMs(windows.before) / 1_000 },
    after: { blocks: after, whole: afterWhole, seconds: lengthMs(windows.after) / 1_000 },
  }
}

const EMPTY: Block = { calls: 0, errors: 0, p50_ns: 0, p95_ns: 0, mean_ns: 0, db_ns: 0 }

async function readWhole(
  telemetry: TelemetryStore,
  operation: OperationKey,
  window: Span,
): Promise<Block> {
  const [whole] = await readBlocks(telemetry, operation, window, lengthMs(window) + 1, 1)
  return whole ?? EMPTY
}

async function readBlocks(
  telemetry: TelemetryStore,
  operation: OperationKey,
  window: Span,
  blockMs: number,
  minCalls: number,
): Promise<readonly Block[]> {
  if (window.toUnixMs <= window.fromUnixMs) return []
  const rows = await telemetry.run(measurementBlocks, {
    ...operation,
    from_unix_ns: BigInt(Math.round(window.fromUnixMs)) * NS_PER_MS,
    to_unix_ns: BigInt(Math.round(window.toUnixMs)) * NS_PER_MS,
    block_ns: BigInt(Math.round(blockMs)) * NS_PER_MS,
  })
  return rows.filter(({ calls }) => calls >= minCalls)
}

function lengthMs({ fromUnixMs, toUnixMs }: Span): number {
  return Math.max(1, toUnixMs - fromUnixMs)
}
