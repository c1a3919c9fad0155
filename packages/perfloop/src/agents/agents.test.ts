import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { silentLogger } from '../domain/logger.ts'
import { defaultSettings, type Settings } from '../settings/settings.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import { openControlStore } from '../store/control/open-control-store.ts'
import type { AgentReport } from './agent-protocol.ts'
import { Agents } from './agents.ts'
import { currentDeclarations } from './current-declarations.ts'

const dataDirectory = mkdtempSync(join(tmpdir(), 'perfloop-agents-'))
const settings = defaultSettings()
let nowMs = Date.parse('2026-03-01T10:00:00.000Z')
const clock = { nowUnixMs: () => nowMs }
let control: ControlStore
const opened: Agents[] = []

beforeAll(async () => {
  control = await openControlStore({ dataDirectory, url: null, clock })
})
afterEach(() => {
  for (const agents of opened.splice(0)) agents.close()
})
afterAll(async () => {
  await control[Symbol.asyncDispose]()
  rmSync(dataDirectory, { recursive: true, force: true })
})

function serve(change: Partial<Settings> = {}): Agents {
  const agents = new Agents({
    ...{ control, clock, logger: silentLogger, onProfileChanged() {} },
    settings: { ...settings, ...change },
  })
  opened.push(agents)
  return agents
}

function report(instance: string): AgentReport {
  return {
    ...{ protocol: 1, service: 'yard', instance, agent_version: '0.1.0', host: 'yard' },
    ...{ runtime: { name: 'nodejs', version: '22.0.0' }, process_id: 7, frameworks: [], knobs: [] },
    started_at: new Date(nowMs).toISOString(),
  }
}

const ask = (agents: Agents, id: string) =>
  agents.awaitSettings(id, '', 0, undefined, new AbortController().signal)

it('keeps the agents that are connected for new ones’ sake, and takes new ones when others are gone', async () => {
  const agents = serve({ agents: { ...settings.agents, maxAgents: 2 } })
  const known = await agents.report(report('1'), undefined)
  await agents.report(report('2'), undefined)
  await expect(agents.report(report('3'), undefined)).rejects.toMatchObject({ code: 'AGENT_LIMIT' })
  await agents.report(report('1'), undefined)
  nowMs += settings.agents.connectedMs - 1_000
  await ask(agents, known.id)
  nowMs += 2_000
  await agents.report(report('3'), undefined)
  await agents.tend()
  const { rows } = await control.agents.list({ service: 'yard', limit: 9, offset: 0 })
  expect(rows.map(({ instance }) => instance).sort()).toEqual(['1', '3'])
})

it('takes no declarations that would push out those of connected agents', async () => {
  const routes = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ method: 'GET', route: `/${at}`, framework: 'x' }))
  const agents = serve({ agents: { ...settings.agents, maxDeclarationsBytes: 5_000 } })
  const declare = async (instance: string, count: number) => {
    const { id } = await agents.report(report(instance), undefined)
    return agents.declare(id, { routes: routes(count), models: [], omitted: 0 }, undefined)
  }
  const revision = await declare('4', 50)
  await expect(declare('5', 100)).rejects.toMatchObject({ code: 'AGENT_LIMIT' })
  expect(await control.agents.declaration('development', 'yard', revision)).toBeDefined()
  expect((await agents.report(report('4'), undefined)).declarations).toBe(revision)
})

it('counts as declared what an agent declares that only waited since, whatever is written of it', async () => {
  const agents = serve()
  const { id } = await agents.report(report('6'), undefined)
  const declared = { routes: [], models: [{ name: 'Hen', table: 'hen', mapper: '' }], omitted: 0 }
  const revision = await agents.declare(id, declared, undefined)
  nowMs += settings.agents.generationMs
  // A newer instance, and the one before has been heard of since, but this is not written yet.
  const newer = await agents.report(report('7'), undefined)
  await agents.declare(newer.id, { ...declared, models: [] }, undefined)
  nowMs += 60_000
  await ask(agents, newer.id)
  await ask(agents, id)
  const { rows } = await control.agents.list({ service: 'yard', limit: 9, offset: 0 })
  const current = (lastSeenMs: (agent: (typeof rows)[number]) => number) =>
    currentDeclarations(control, rows, settings.agents.generationMs - 1, lastSeenMs)
  const [written, told] = await Promise.all([
    current(agent => Date.parse(agent.lastSeen)),
    current(agent => agents.lastSeenMs(agent)),
  ])
  expect(written.flat().map(one => one.revision)).not.toContain(revision)
  expect(told.flat().map(one => one.revision)).toContain(revision)
})

it('writes reports that come at once together, and all of them', async () => {
  const agents = serve()
  const records = await Promise.all(
    Array.from({ length: 200 }, (_, at) => agents.report(report(`many-${at}`), undefined)),
  )
  expect(new Set(records.map(({ id }) => id)).size).toBe(200)
  for (const { id } of records) expect(await control.agents.get(id)).toBeDefined()
})

it('notices another server on its control database, and when that is gone', async () => {
  const store = { ...settings.store, control: { ...settings.store.control, url: 'postgres://x' } }
  const [one, other] = [serve({ store }), serve({ store })]
  await one.tend()
  await one.tend()
  expect(one.hasNeighbour).toBe(false)
  await other.tend()
  await one.tend()
  await other.tend()
  expect([one.hasNeighbour, other.hasNeighbour]).toEqual([true, true])
  await other.tend()
  expect(other.hasNeighbour).toBe(false)
})
