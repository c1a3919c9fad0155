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

export interface EffectWindows {
  readonly before: Span
  /** How far back the window before may be lengthened where an operation is rare. */
  readonly earliestUnixMs: number
  readonly after: Span
}

/** A block holds on average so many times the executions it needs: few blocks are left out for having fewer. */
const CALLS_PER_NEEDED_CALL = 2
/** Rare operations get a window before of so many times the blocks that are needed, for the same reason. */
const BLOCKS_PER_NEEDED_BLOCK = 2

/**
 * Blocks of one operation in two windows. A block is as long as it must be for the window with less traffic
 * to have executions enough in it, so that rare operations are compared by longer blocks; and the window
 * before begins earlier where it would have too few of these.
 */
export async function measureEffect(
  telemetry: TelemetryStore,
  operation: OperationKey,
  windows: EffectWindows,
  settings: OptimizerSettings['verification'],
): Promise<MeasuredOperation> {
  const after = windows.after
  const afterWhole = await readWhole(telemetry, operation, after)
  let before = windows.before
  let beforeWhole = await readWhole(telemetry, operation, before)
  while (afterWhole.calls > 0 && before.fromUnixMs > windows.earliestUnixMs) {
    const rarest = Math.min(callsPerMs(beforeWhole, before), callsPerMs(afterWhole, after))
    const neededMs = blockLengthMs(rarest, settings) * settings.minBlocks * BLOCKS_PER_NEEDED_BLOCK
    if (neededMs <= lengthMs(before)) break
    const longerMs = Math.max(neededMs, 2 * lengthMs(before))
    const fromUnixMs = Math.max(windows.earliestUnixMs, before.toUnixMs - longerMs)
    before = { ...before, fromUnixMs }
    beforeWhole = await readWhole(telemetry, operation, before)
  }
  const rarest = Math.min(callsPerMs(beforeWhole, before), callsPerMs(afterWhole, after))
  const blockMs = rarest === 0 ? settings.blockMs : blockLengthMs(rarest, settings)
  const [beforeBlocks, afterBlocks] = await Promise.all([
    readBlocks(telemetry, operation, before, blockMs, settings.minBlockCalls),
    readBlocks(telemetry, operation, after, blockMs, settings.minBlockCalls),
  ])
  return {
    operation,
    before: {
      blocks: beforeBlocks,
      whole: beforeWhole,
      seconds: lengthMs(before) / 1_000,
      activeSeconds: (lengthMs(before) - (beforeBlocks[0]?.block ?? 0) * blockMs) / 1_000,
      isAllThereIs: before.fromUnixMs <= windows.earliestUnixMs,
    },
    after: { blocks: afterBlocks, whole: afterWhole, seconds: lengthMs(after) / 1_000 },
  }
}

function callsPerMs({ calls }: Block, window: Span): number {
  return calls / lengthMs(window)
}

function blockLengthMs(
  callsPerMs: number,
  { blockMs, minBlockCalls }: OptimizerSettings['verification'],
): number {
  const neededMs = (CALLS_PER_NEEDED_CALL * minBlockCalls) / callsPerMs
  return Math.max(1, Math.ceil(neededMs / blockMs)) * blockMs
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
): Promise<readonly (Block & { readonly block: number })[]> {
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
