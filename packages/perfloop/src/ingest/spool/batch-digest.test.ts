import { describe, expect, it } from 'vitest'
import { createBatchDigest } from './batch-digest.ts'
import { KnownBatches } from './known-batches.ts'

describe('the digest of a batch', () => {
  const digest = createBatchDigest('key')

  it('is the same for the same bytes and context, also after a restart', () => {
    const body = Buffer.alloc(100_000, 'abc')
    expect(digest('traces json', body)).toBe(
      createBatchDigest('key')('traces json', Buffer.from(body)),
    )
  })

  it('differs by one bit, by length, by context and by installation', () => {
    const body = Buffer.alloc(1_000)
    const other = Buffer.from(body)
    other.writeUInt8(1, 500)
    const digests = [
      digest('traces protobuf ', body),
      digest('traces protobuf ', other),
      digest('traces protobuf ', body.subarray(1)),
      digest('metrics protobuf ', body),
      createBatchDigest('another key')('traces protobuf ', body),
    ]
    expect(new Set(digests).size).toBe(5)
  })

  it('costs less than 0.3 µs per KB of a usual batch', () => {
    const body = Buffer.alloc(512 * 1024, 7)
    digest('traces protobuf ', body)
    const times = Array.from({ length: 20 }, () => {
      const start = process.hrtime.bigint()
      digest('traces protobuf ', body)
      return Number(process.hrtime.bigint() - start) / 1_000
    })
    expect(Math.min(...times) / 512).toBeLessThan(0.3)
  })
})

describe('known batches', () => {
  it('forgets the oldest beyond its capacity', () => {
    const known = new KnownBatches(2)
    for (const batch of ['a', 'b', 'b', 'c']) known.add(batch)
    expect(['a', 'b', 'c'].map(batch => known.has(batch))).toEqual([false, true, true])
    expect(known.size).toBe(2)
  })
})
