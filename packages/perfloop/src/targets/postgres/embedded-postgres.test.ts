import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { startEmbeddedPostgres } from './embedded-postgres.ts'

const parent = mkdtempSync(join(tmpdir(), 'perfloop-postgres-'))
afterAll(() => rmSync(parent, { recursive: true, force: true }))

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const result = await client.query(sql)
    return result.rows[0]
  } finally {
    await client.end()
  }
}

it('starts a real server, keeps its data over a restart, and stops', async () => {
  const directory = join(parent, 'kept')
  const first = await startEmbeddedPostgres({ directory, settings: { fsync: 'off' } })
  await ask(first.url, 'create table kept as select 42 as answer')
  await first.stop()
  await first.stop()
  await expect(ask(first.url, 'select 1')).rejects.toThrow()

  const second = await startEmbeddedPostgres({ directory, settings: { work_mem: '7MB' } })
  expect(await ask(second.url, 'select answer from kept')).toEqual({ answer: 42 })
  expect(await ask(second.url, 'show work_mem')).toEqual({ work_mem: '7MB' })
  await second.stop()
})

it('says why when the server cannot start', async () => {
  const directory = join(parent, 'broken')
  await expect(
    startEmbeddedPostgres({ directory, settings: { no_such_setting: '1' } }),
  ).rejects.toThrow(/no_such_setting/)
})
