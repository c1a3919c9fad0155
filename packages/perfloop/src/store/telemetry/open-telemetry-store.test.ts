import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defaultSettings } from '../../settings/settings.ts'
import { openTelemetryStore } from './open-telemetry-store.ts'
import { defineQuery } from './query.ts'
import { openScratchStore, type ScratchStore } from './scratch-store.ts'

let scratch: ScratchStore
beforeEach(async () => {
  scratch = await openScratchStore()
})
afterEach(() => scratch[Symbol.asyncDispose]())

const doubled = defineQuery({
  name: 'doubled',
  params: z.object({ n: z.int() }),
  row: z.object({ twice: z.string().transform(Number) }),
  sql: 'SELECT toUInt64({n:UInt32} * 2) AS twice',
})

describe('the telemetry store', () => {
  it('gives rows in their declared shape and counts queries', async () => {
    expect(await scratch.store.run(doubled, { n: 21 })).toEqual([{ twice: 42 }])
    expect(scratch.store.queryCount()).toBe(1)
  })

  it('says which query gave a row of another shape', async () => {
    const wrong = { ...doubled, row: z.object({ thrice: z.number() }) }
    await expect(scratch.store.run(wrong, { n: 1 })).rejects.toMatchObject({
      code: 'QUERY_ROW_UNEXPECTED',
      details: { query: 'doubled' },
    })
  })

  it('refuses a data directory in use, naming the process', async () => {
    await expect(
      openTelemetryStore({ dataDirectory: scratch.directory, settings: defaultSettings() }),
    ).rejects.toMatchObject({ code: 'DATA_DIRECTORY_IN_USE', details: { pid: process.pid } })
  })

  it('applies each schema file once, and opens what a newer version has written', async () => {
    const applied = () =>
      scratch.store.engine.query('SELECT version FROM schema_migrations ORDER BY version', {})
    const first = await applied()
    await scratch.store.engine.execute(
      `INSERT INTO schema_migrations (version, name) VALUES (9999, 'later.sql')`,
    )
    await scratch.reopen()
    expect(await applied()).toEqual([...first, { version: 9999 }])
  })

  it('describes every column of every table', async () => {
    expect(
      await scratch.store.engine.query(
        `SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = ''
           AND table NOT IN (SELECT name FROM system.tables WHERE engine IN ('View', 'MaterializedView'))`,
        {},
      ),
    ).toEqual([])
  })

  it('says that an external server is away', async () => {
    const settings = defaultSettings()
    const clickhouse = { ...settings.store.clickhouse, url: 'http://127.0.0.1:1' }
    await expect(
      openTelemetryStore({
        dataDirectory: `${scratch.directory}/elsewhere`,
        settings: { ...settings, store: { ...settings.store, clickhouse } },
      }),
    ).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  })
})
