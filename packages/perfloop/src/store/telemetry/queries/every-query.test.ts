import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultSettings } from '../../../settings/settings.ts'
import type { BoundValue } from '../engine.ts'
import { type OpenTelemetryStore, openTelemetryStore } from '../open-telemetry-store.ts'
import type { Query } from '../query.ts'

const files = readdirSync(import.meta.dirname).filter(name => name.endsWith('.query.ts'))
const queries = (await Promise.all(files.map(queriesOf))).flat()

describe('every query', () => {
  const directory = mkdtempSync(join(tmpdir(), 'perfloop-queries-'))
  let store: OpenTelemetryStore

  beforeAll(async () => {
    store = await openTelemetryStore({ dataDirectory: directory, settings: defaultSettings() })
  })
  afterAll(async () => {
    await store?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  it('has a name of its own', () => {
    const names = queries.map(({ query }) => query.name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it.each(queries)('$query.name is understood by the engine', async ({ query }) => {
    expect(query.example, `${query.name} needs an example`).toBeDefined()
    const bound = query.params.parse(query.example) as Record<string, BoundValue>

    const plan = await store.engine.query(`EXPLAIN ${query.sql}`, bound)
    expect(plan.length).toBeGreaterThan(0)
    await store.run(query, query.example)
  })
})

async function queriesOf(file: string): Promise<{ file: string; query: Query }[]> {
  const module: Readonly<Record<string, unknown>> = await import(join(import.meta.dirname, file))
  const found = Object.values(module).flatMap(findQueries)
  if (found.length === 0) throw new Error(`${file} exports no query`)
  return found.map(query => ({ file, query }))
}

/** A module exports queries, or records of queries of one kind (one per granularity). */
function findQueries(value: unknown): Query[] {
  if (typeof value !== 'object' || value === null) return []
  if (isQuery(value)) return [value]
  return Object.getPrototypeOf(value) === Object.prototype
    ? Object.values(value).flatMap(findQueries)
    : []
}

function isQuery(value: object): value is Query {
  return 'name' in value && 'sql' in value && 'params' in value && 'row' in value
}
