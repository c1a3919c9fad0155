import { PerfloopError } from '../../packages/perfloop/src/domain/perfloop-error.ts'
import type {
  BodyEncoding,
  IngestBuffer,
  IngestOutcome,
  IngestStatistics,
  NativeBlock,
  ReceiveContext,
  Signal,
} from '../../packages/perfloop/src/ingest/ingest-buffer.ts'

type Watcher = Parameters<IngestBuffer['watch']>[0]

/**
 * The smallest buffer that honours the contract: a body is lines, each an id that becomes the span id of one
 * row of `spans`. `bad` is refused by itself, `boom` makes the whole body unreadable.
 */
export class RowBuffer implements IngestBuffer {
  #ids: bigint[] = []
  #environments: string[] = []
  #watcher: Watcher
  #accepted = 0

  get rows(): number {
    return this.#ids.length
  }

  add(
    _signal: Signal,
    _encoding: BodyEncoding,
    body: Uint8Array,
    context: ReceiveContext,
  ): IngestOutcome {
    const lines = Buffer.from(body).toString('utf8').split('\n').filter(Boolean)
    if (lines.includes('boom')) {
      throw new PerfloopError('OTLP_BODY_UNREADABLE', { path: '', offset: 3 })
    }
    if (lines.includes('defect')) throw new TypeError('cannot read properties of undefined')
    const ids = lines.filter(line => line !== 'bad').map(BigInt)
    const rejected = lines.length - ids.length
    this.#ids.push(...ids)
    this.#environments.push(...ids.map(() => context.environment ?? 'development'))
    this.#accepted += ids.length
    this.#watcher?.onSpans(
      ids.map(id => ({
        traceId: '0'.repeat(32),
        spanId: id.toString(16).padStart(16, '0'),
        environment: 'development',
        service: 'shop',
        operation: 'GET /orders',
        kind: 'server',
        category: 'other',
        failed: false,
        durationNs: 1,
        receivedUnixMs: context.receivedUnixMs,
      })),
    )
    return {
      accepted: ids.length,
      rejected,
      message: rejected === 0 ? '' : `${rejected} of ${lines.length} lines are bad`,
    }
  }

  take(receivedUnixSeconds: number): readonly NativeBlock[] {
    if (this.#ids.length === 0) return []
    const block = spansBlock(this.#ids, this.#environments, receivedUnixSeconds)
    this.#ids = []
    this.#environments = []
    return [resourcesBlock(), block]
  }

  forgetMentions(): void {}

  watch(watcher: Watcher): void {
    this.#watcher = watcher
  }

  statistics(): IngestStatistics {
    return {
      spansAccepted: this.#accepted,
      pointsAccepted: 0,
      logsAccepted: 0,
      rejected: {},
      limited: {},
      cacheBytes: 0,
      cacheEvictions: 0,
      operations: [],
    }
  }
}

export function spansBlock(
  ids: readonly bigint[],
  environments: readonly string[],
  receivedUnixSeconds: number,
): NativeBlock {
  const number = (size: 2 | 4 | 8) => (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(value)
    return bytes.subarray(0, size)
  }
  const startUnixNs = BigInt(receivedUnixSeconds) * 1_000_000_000n
  const id = (value: bigint) => number(8)(value).reverse()
  return nativeBlock('spans', ids.length, [
    ['environment', 'String', index => text(environments[index] ?? 'development')],
    ['service', 'String', () => text('shop')],
    ['operation', 'String', () => text('GET /orders')],
    [
      'trace_id',
      'FixedString(16)',
      index => Buffer.concat([Buffer.alloc(8), id(ids[index] ?? 0n)]),
    ],
    ['ids', 'FixedString(24)', index => Buffer.concat([id(ids[index] ?? 0n), Buffer.alloc(16)])],
    ['start_unix_ns', 'UInt64', () => number(8)(startUnixNs)],
    ['duration_ns', 'UInt64', () => number(8)(1_000_000n)],
    ['weight', 'Float64', () => float(1)],
    ['received_at', 'DateTime', () => number(4)(BigInt(receivedUnixSeconds))],
    ['retention_days', 'UInt16', () => number(2)(7n)],
  ])
}

export function resourcesBlock(): NativeBlock {
  return nativeBlock('resources', 1, [
    ['resource', 'String', () => text('0123456789abcdef')],
    ['service', 'String', () => text('shop')],
  ])
}

export function nativeBlock(
  table: string,
  rows: number,
  columns: readonly (readonly [name: string, type: string, cell: (index: number) => Buffer])[],
): NativeBlock {
  const parts = [varint(columns.length), varint(rows)]
  for (const [name, type, cell] of columns) {
    parts.push(text(name), text(type))
    for (let index = 0; index < rows; index++) parts.push(cell(index))
  }
  return { table, columns: columns.map(([name]) => name), rows, bytes: Buffer.concat(parts) }
}

function text(value: string): Buffer {
  return Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)])
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return Buffer.from([...bytes, rest])
}
