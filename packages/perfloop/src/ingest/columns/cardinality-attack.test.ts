import { describe, expect, it } from 'vitest'
import { NOW_MS, START_NS, sentSpanId } from '../decode/otlp-fixture.ts'
import { ProtobufWriter } from '../decode/protobuf-writer.ts'
import { scratchBuffer } from './scratch-engine.ts'

const MEGABYTE = 1024 * 1024
const BATCH = 2_000

/** A batch whose spans have nothing in common: url, statement, name, user and key differ each time. */
function hostileBatch(first: number): Uint8Array {
  const writer = new ProtobufWriter()
  const attribute = (key: string, value: string) =>
    writer.nested(9, () => {
      writer.text(1, key)
      writer.nested(2, () => writer.text(1, value))
    })
  writer.nested(1, () => {
    writer.nested(1, () =>
      writer.nested(1, () => {
        writer.text(1, 'service.name')
        writer.nested(2, () => writer.text(1, `service-${first}`))
      }),
    )
    writer.nested(2, () => {
      writer.nested(1, () => writer.text(1, `scope-${first}`))
      for (let i = first; i < first + BATCH; i++) {
        writer.nested(2, () => {
          writer.bytes(1, Buffer.from(sentSpanId(i + 1).repeat(2), 'hex'))
          writer.bytes(2, Buffer.from(sentSpanId(i + 1), 'hex'))
          writer.text(5, `work on ${i.toString(36)}x`)
          writer.varint(6, 3n)
          writer.fixed64(7, START_NS)
          writer.fixed64(8, START_NS)
          attribute('url.full', `https://x.example.com/p${i}/q${i * 7}?a=${i}`)
          attribute('db.system.name', 'postgresql')
          attribute('db.query.text', `SELECT c${i} FROM t${i} WHERE d${i} = ${i}`)
          attribute('code.file.path', `/app/f${i}.js`)
          attribute(`key-${i}`, `value ${i}`)
        })
      }
    })
  })
  return writer.finish()
}

describe('a million distinct URLs and statements', () => {
  it('leave the caches small, evictions counted and answers right', () => {
    const buffer = scratchBuffer()
    const collect = () => {
      globalThis.gc?.()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    const before = collect()
    // The full million is the benchmark's; a tenth fills every bound many times over.
    const spans = 100_000
    for (let first = 0; first < spans; first += BATCH) {
      const outcome = buffer.add('traces', 'protobuf', hostileBatch(first), {
        receivedUnixMs: NOW_MS,
      })
      expect(outcome.accepted).toBe(BATCH)
      const blocks = buffer.take(NOW_MS / 1000)
      expect(blocks.find(block => block.table === 'spans')?.rows).toBe(BATCH)
    }
    const statistics = buffer.statistics()
    expect(statistics.spansAccepted).toBe(spans)
    expect(statistics.cacheBytes).toBeLessThan(80 * MEGABYTE)
    expect(statistics.cacheEvictions).toBeGreaterThan(1_000)
    expect(statistics.limited.shape_overflow).toBeGreaterThan(50_000)
    const calls = statistics.operations.reduce((sum, entry) => sum + entry.calls, 0)
    expect(calls).toBe(spans)
    if (globalThis.gc !== undefined) expect(collect() - before).toBeLessThan(100 * MEGABYTE)
  }, 240_000)
})
