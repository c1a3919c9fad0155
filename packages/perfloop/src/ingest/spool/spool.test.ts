import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { spansBlock } from '../../../../../tests/ingest/row-buffer.ts'
import { systemClock } from '../../domain/clock.ts'
import { silentLogger } from '../../domain/logger.ts'
import { defaultSettings } from '../../settings/settings.ts'
import { LoadedBatches, readLoadedBatches } from './loaded-batches.ts'
import { listSegments } from './segment-name.ts'
import { readSegment, type SegmentPart } from './segment-reader.ts'
import { Spool } from './spool.ts'
import { type SpoolDisk, spoolDisk, withoutFirst } from './spool-disk.ts'
import { encodeFrame, FRAME_MAGIC, streamsOf } from './spool-frame.ts'

const settings = { ...defaultSettings().ingest.spool, segmentMaxAgeMs: 60_000 }
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'perfloop-spool-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

function openSpool(disk?: SpoolDisk, changed: Partial<typeof settings> = {}) {
  return Spool.open({
    directory,
    settings: { ...settings, ...changed },
    logger: silentLogger,
    clock: systemClock,
    ...(disk === undefined ? {} : { disk }),
  })
}

function frame(batch: string, ...ids: bigint[]) {
  return encodeFrame([spansBlock(ids, [], 1_700_000_000)], [batch])
}

async function parts(path: string): Promise<readonly SegmentPart[]> {
  const found: SegmentPart[] = []
  for await (const part of readSegment(path, { payloads: true })) found.push(part)
  return found
}

async function onlySegment(state: 'open' | 'closed'): Promise<string> {
  const [segment, ...others] = await listSegments(directory, state)
  if (segment === undefined || others.length > 0) throw new Error('expected one segment')
  return segment.path
}

/** Leaves a segment as a killed process does: written, never closed. */
async function abandonedSegment(): Promise<string> {
  const { spool } = await openSpool()
  await spool.append(frame('first', 1n, 2n))
  await spool.append(frame('second', 3n))
  return onlySegment('open')
}

describe('the spool', () => {
  it('gives back frames as they were written, with the bytes of every stream', async () => {
    const { spool } = await openSpool()
    const block = spansBlock([1n, 2n], [], 1_700_000_000)
    await spool.append(encodeFrame([block, block], ['a', 'b']))
    await spool.close()

    const [only] = await parts(await onlySegment('closed'))
    if (only?.kind !== 'frame') throw new Error('expected a frame')
    expect(only.manifest.batches).toEqual(['a', 'b'])
    const streams = [...streamsOf(only.manifest, only.payload)]
    expect(streams.map(({ stream }) => [stream.table, stream.rows])).toEqual([
      ['spans', 2],
      ['spans', 2],
    ])
    expect(streams.every(({ bytes }) => bytes.equals(Buffer.from(block.bytes)))).toBe(true)
  })

  it('closes a segment at its row limit and begins the next under a higher number', async () => {
    const { spool } = await openSpool(undefined, { segmentMaxRows: 2 })
    await spool.append(frame('a', 1n, 2n))
    await spool.append(frame('b', 3n))
    expect((await listSegments(directory, 'closed')).length).toBe(1)
    await spool.close()
    const [first, second] = await listSegments(directory, 'closed')
    expect(second?.number).toBeGreaterThan(first?.number ?? Number.POSITIVE_INFINITY)
  })

  it('closes a segment at its age limit though nothing more arrives', async () => {
    const closed = withResolvers<number>()
    const { spool } = await Spool.open({
      directory,
      settings: { ...settings, segmentMaxAgeMs: 20 },
      logger: silentLogger,
      clock: systemClock,
      onSegmentClosed: closed.resolve,
    })
    await spool.append(frame('a', 1n))
    expect(await closed.promise).toBeGreaterThan(0)
    expect(await listSegments(directory, 'open')).toEqual([])
  })

  it('gives a busy segment more time, once', async () => {
    const ages = { segmentMaxAgeMs: 20, busyRows: 2, busyMaxAgeMs: 400 }
    const closed = withResolvers<number>()
    const { spool } = await Spool.open({
      directory,
      settings: { ...settings, ...ages },
      logger: silentLogger,
      clock: systemClock,
      onSegmentClosed: closed.resolve,
    })
    const startedMs = performance.now()
    await spool.append(frame('a', 1n, 2n))
    await closed.promise
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(399)
  })

  it('lets rows of our own wait, until telemetry joins them', async () => {
    const closed = withResolvers<number>()
    const { spool } = await Spool.open({
      directory,
      settings: { ...settings, segmentMaxAgeMs: 20, ownRowsMaxAgeMs: 600_000 },
      logger: silentLogger,
      clock: systemClock,
      onSegmentClosed: closed.resolve,
    })
    await spool.append(frame('own', 1n), 'can-wait')
    await new Promise(resolve => setTimeout(resolve, 60))
    expect(await listSegments(directory, 'closed')).toEqual([])

    await spool.append(frame('a', 2n))
    await closed.promise
    expect(await parts(await onlySegment('closed'))).toHaveLength(2)
  })

  it('closes what a killed process left and knows its batches', async () => {
    await abandonedSegment()
    const { spool, batches } = await openSpool()
    expect(batches).toEqual(['first', 'second'])
    expect(spool.tornTails).toBe(0)
    expect(await parts(await onlySegment('closed'))).toHaveLength(2)
  })

  it.each([
    ['in the payload', (bytes: Buffer) => bytes.length - 5],
    ['in the manifest', (bytes: Buffer) => bytes.lastIndexOf(FRAME_MAGIC) + 40],
    ['in the head', (bytes: Buffer) => bytes.lastIndexOf(FRAME_MAGIC) + 10],
  ])('cuts a half-written end %s and forgets its batch', async (_where, cutAt) => {
    const path = await abandonedSegment()
    await truncate(path, cutAt(await readFile(path)))

    const { spool, batches } = await openSpool()
    expect(batches).toEqual(['first'])
    expect(spool.tornTails).toBe(1)
    const [only, ...others] = await parts(await onlySegment('closed'))
    expect(only?.kind).toBe('frame')
    expect(others).toEqual([])
  })

  it('cuts an end of zeros, as a power cut leaves one', async () => {
    const path = await abandonedSegment()
    await appendFile(path, Buffer.alloc(5_000))
    const { spool, batches } = await openSpool()
    expect(batches).toEqual(['first', 'second'])
    expect(spool.tornTails).toBe(1)
    expect(await parts(await onlySegment('closed'))).toHaveLength(2)
  })

  it('removes a segment in which nothing whole was written', async () => {
    await writeFile(join(directory, '1700000000000000.open'), Buffer.alloc(7))
    const { spool } = await openSpool()
    expect(await listSegments(directory, 'closed')).toEqual([])
    expect(spool.tornTails).toBe(1)
  })

  it('finds a flipped bit in a payload, in a head and in the head of the file, and reads on after it', async () => {
    const { spool } = await openSpool()
    for (const batch of ['a', 'b', 'c']) await spool.append(frame(batch, 1n))
    await spool.close()
    const path = await onlySegment('closed')
    const whole = await readFile(path)
    const second = whole.indexOf(FRAME_MAGIC, whole.indexOf(FRAME_MAGIC) + 1)
    const third = whole.indexOf(FRAME_MAGIC, second + 1)

    for (const [place, expected] of [
      [third - 3, ['frame', 'corrupt', 'frame']],
      [second + 9, ['frame', 'corrupt', 'frame']],
      [second + 60, ['frame', 'corrupt', 'frame']],
      [1, ['corrupt', 'frame', 'frame', 'frame']],
    ] as const) {
      const damaged = Buffer.from(whole)
      damaged.writeUInt8(damaged.readUInt8(place) ^ 0x10, place)
      await writeFile(path, damaged)
      expect((await parts(path)).map(part => part.kind)).toEqual(expected)
    }
  })

  it('never uses a number twice, though the clock steps back and everything was loaded', async () => {
    const log = await LoadedBatches.open(directory, 10)
    await log.append(9_000_000_000_000_000, ['x'])
    const { spool, batches } = await openSpool()
    expect(batches).toEqual(['x'])
    await spool.append(frame('a', 1n))
    await spool.close()
    expect((await listSegments(directory, 'closed'))[0]?.number).toBe(9_000_000_000_000_001)
  })

  it('takes back a write that the disk refused half-way, and goes on in a new segment', async () => {
    let failing = false
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const { spool } = await openSpool({
      ...spoolDisk,
      async write(fd, buffers, position) {
        await spoolDisk.write(fd, failing ? buffers.slice(0, 1) : buffers, position)
        if (failing) throw full
      },
    })
    await spool.append(frame('kept', 1n))
    failing = true
    await expect(spool.append(frame('refused', 2n))).rejects.toMatchObject({
      code: 'SPOOL_WRITE_FAILED',
      details: { reason: 'ENOSPC' },
    })
    await expect(spool.append(frame('refused', 2n))).rejects.toThrow()
    failing = false
    await spool.append(frame('after', 3n))
    await spool.close()

    const { batches, spool: reopened } = await openSpool()
    expect(batches).toEqual(['kept', 'after'])
    expect(reopened.tornTails).toBe(0)
  })

  it('takes back a write whose sync failed', async () => {
    let failing = false
    const { spool } = await openSpool({
      ...spoolDisk,
      async sync(fd) {
        await spoolDisk.sync(fd)
        if (failing) {
          failing = false
          throw Object.assign(new Error('i/o error'), { code: 'EIO' })
        }
      },
    })
    await spool.append(frame('kept', 1n))
    failing = true
    await expect(spool.append(frame('refused', 2n))).rejects.toMatchObject({
      code: 'SPOOL_WRITE_FAILED',
    })
    await spool.close()
    expect((await openSpool()).batches).toEqual(['kept'])
  })

  it('is full at its limit and has room again when the loader removed segments', async () => {
    const { spool } = await openSpool(undefined, { maxBytes: 600, segmentMaxRows: 1 })
    expect(spool.isFull()).toBe(false)
    await spool.append(frame('a', 1n))
    await spool.append(frame('b', 2n))
    expect(spool.isFull()).toBe(true)
    for (const { path } of await listSegments(directory, 'closed')) await rm(path)
    await spool.measure()
    expect(spool.isFull()).toBe(false)
    expect(spool.segments).toBe(0)
  })
})

describe('writing', () => {
  it('goes on where a short write stopped', () => {
    const rest = withoutFirst([Buffer.from('abc'), Buffer.from('def'), Buffer.from('g')], 4)
    expect(Buffer.concat(rest).toString()).toBe('efg')
  })
})

describe('the list of loaded batches', () => {
  it('keeps the newest across its two files and survives a line cut short', async () => {
    const log = await LoadedBatches.open(directory, 2)
    for (let segment = 1; segment <= 5; segment++)
      await log.append(segment, [`${segment}a`, `${segment}b`])
    await appendFile(join(directory, 'loaded-batches'), 'deadbeef {"segm')
    const reopened = await LoadedBatches.open(directory, 2)
    await reopened.append(6, ['6a', '6b'])

    const { batches, newestSegment } = await readLoadedBatches(directory)
    expect(batches.slice(-4)).toEqual(['5a', '5b', '6a', '6b'])
    expect(batches.length).toBeLessThanOrEqual(6)
    expect(newestSegment).toBe(6)
    expect((await readdir(directory)).length).toBeLessThanOrEqual(2)
  })
})

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>(onResolve => {
    resolve = onResolve
  })
  return { promise, resolve }
}
