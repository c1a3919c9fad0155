import { afterAll, beforeAll, expect, it } from 'vitest'
import { openScratchStore, type ScratchStore } from '../../store/telemetry/scratch-store.ts'
import { discoverProcesses } from './discover-processes.ts'

const NOW_MS = Date.UTC(2026, 4, 1, 9)
const MINUTE_S = 60
let scratch: ScratchStore

beforeAll(async () => {
  scratch = await openScratchStore({ nowUnixMs: NOW_MS })
})
afterAll(() => scratch?.[Symbol.asyncDispose]())

async function told(
  service: string,
  attributes: Readonly<Record<string, string>>,
  minutesAgo = 1,
): Promise<void> {
  await scratch.store.engine.execute(
    `INSERT INTO resources (resource, environment, service, instance, attributes, last_seen)
     VALUES ({service:String}, 'test', {service:String}, '', mapFromArrays({keys:Array(String)}, {values:Array(String)}), toDateTime({at:UInt32}, 'UTC'))`,
    {
      service,
      keys: Object.keys(attributes),
      values: Object.values(attributes),
      at: NOW_MS / 1_000 - minutesAgo * MINUTE_S,
    },
  )
}

it('knows the processes of this host that telemetry told of lately', async () => {
  await told('web', { 'host.name': '"here"', 'process.pid': '4711' })
  await told('script', { 'host.name': '"here"', 'process.pid': '"4712"' })
  await told('elsewhere', { 'host.name': '"there"', 'process.pid': '4713' })
  await told('silent', { 'host.name': '"here"' })
  await told('gone', { 'host.name': '"here"', 'process.pid': '4714' }, 30)

  const discover = discoverProcesses(scratch.store, { nowUnixMs: () => NOW_MS }, 'here')
  expect(await discover()).toEqual([
    { environment: 'test', service: 'web', pid: 4711 },
    { environment: 'test', service: 'script', pid: 4712 },
  ])
})

it('takes no process for its own that does not say where it runs', async () => {
  await told('nowhere', { 'process.pid': '4715' })
  const clock = { nowUnixMs: () => NOW_MS }
  for (const host of ['here', 'there', '']) {
    const found = await discoverProcesses(scratch.store, clock, host)()
    expect(found.map(({ service }) => service)).not.toContain('nowhere')
  }
})

it('asks the store once a minute', async () => {
  let nowMs = NOW_MS
  const discover = discoverProcesses(scratch.store, { nowUnixMs: () => nowMs }, 'here')
  await discover()
  const before = scratch.store.queryCount()
  await discover()
  expect(scratch.store.queryCount()).toBe(before)
  nowMs += 61_000
  await discover()
  expect(scratch.store.queryCount()).toBe(before + 1)
})
