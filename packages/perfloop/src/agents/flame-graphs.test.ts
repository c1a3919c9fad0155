import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { pprof } from '../../../../tests/agent/write-pprof.ts'
import { systemClock } from '../domain/clock.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import { openControlStore } from '../store/control/open-control-store.ts'
import { FlameGraphs } from './flame-graphs.ts'

const AT = '2026-03-01T10:00:00.000Z'
const dataDirectory = mkdtempSync(join(tmpdir(), 'perfloop-flames-'))
let control: ControlStore
let graphs: FlameGraphs

beforeAll(async () => {
  control = await openControlStore({ dataDirectory, url: null, clock: systemClock })
})
afterAll(async () => {
  await control[Symbol.asyncDispose]()
  rmSync(dataDirectory, { recursive: true, force: true })
})
beforeEach(() => {
  graphs = new FlameGraphs({ control, mostFrames: 4_000 })
})
afterEach(() => graphs.close())

async function received(bytes: Buffer): Promise<string> {
  const id = randomUUID()
  await control.profiles.insert({
    ...{ id, agent: 'a'.repeat(16), environment: 'x', service: 'x', instance: 'x', kind: 'cpu' },
    ...{ origin: 'continuous', status: 'running', durationMs: 1, actor: null, failure: null },
    ...{ requestedAt: AT, startedAt: AT, finishedAt: null, sizeBytes: 0 },
  })
  await control.profiles.finish(id, bytes, AT)
  return id
}

it('builds a flame graph once for all who look at it, also at the same time', async () => {
  const id = await received(pprof({ 'main;render': 3, main: 1 }))
  const [one, other] = await Promise.all([graphs.of([id]), graphs.of([id])])
  expect(one?.root).toMatchObject({ total: 4, children: [{ name: 'main', self: 1, total: 4 }] })
  expect(other).toBe(one)
  expect(await graphs.of([id])).toBe(one)
})

it('adds up the profiles of a time, without those that are gone', async () => {
  const ids = [await received(pprof({ main: 3 })), await received(pprof({ 'main;render': 2 }))]
  expect(await graphs.of([...ids, randomUUID()])).toMatchObject({
    unit: 'nanoseconds',
    profiles: 2,
    root: { total: 5 },
  })
  expect(await graphs.of([randomUUID()])).toBeUndefined()
})

it('keeps only the latest graphs ready', async () => {
  const stacks = Object.fromEntries(
    Array.from({ length: 4_000 }, (_, at) => [`main${at}`, at + 1] as const),
  )
  const bytes = pprof(stacks)
  const ids: string[] = []
  for (let sent = 0; sent < 9; sent++) ids.push(await received(bytes))
  const [first = ''] = ids
  const built = await graphs.of([first])
  for (const id of ids) await graphs.of([id])
  const [again, last] = [await graphs.of([first]), await graphs.of(ids.slice(-1))]
  expect(again).not.toBe(built)
  expect(again).toEqual(built)
  expect(last).toBe(await graphs.of(ids.slice(-1)))
})

it('says why one cannot be shown, and shows the others', async () => {
  const broken = await received(Buffer.from('what a disk made of it'))
  await expect(graphs.of([broken])).rejects.toMatchObject({ code: 'PROFILE_UNREADABLE' })
  expect(await graphs.of([await received(pprof({ main: 1 }))])).toBeDefined()
})
