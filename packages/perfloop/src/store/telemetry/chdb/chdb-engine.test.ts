import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtEntry } from '../../../domain/built-entry.ts'
import { silentLogger } from '../../../domain/logger.ts'
import { defaultSettings } from '../../../settings/settings.ts'
import { ChdbChild } from './chdb-child.ts'
import { ChdbEngine, type ChdbEngineOptions } from './chdb-engine.ts'
import { ChdbHost } from './chdb-host.ts'
import type { ChdbAnswer } from './chdb-message.ts'

const settings = { ...defaultSettings().store, readConnections: 2 }

let directory: string
let engine: ChdbEngine
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'perfloop-chdb-'))
  engine = await open()
})
afterEach(async () => {
  await engine.close()
  rmSync(directory, { recursive: true, force: true })
})

function open(more: Partial<ChdbEngineOptions> = {}): Promise<ChdbEngine> {
  const path = join(directory, 'telemetry')
  return ChdbEngine.open({ path, settings, logger: silentLogger, ...more })
}

async function kill(): Promise<void> {
  const pid = await engine.pid()
  if (pid === undefined) throw new Error('The store process should run')
  process.kill(pid, 'SIGKILL')
}

/** A program that opens a store and tells the id of its process. */
const OWNER = `
  const [built, path] = process.argv.slice(2)
  const { ChdbEngine } = await import(new URL('store/telemetry/chdb/chdb-engine.js', built).href)
  const { defaultSettings } = await import(new URL('settings/settings.js', built).href)
  const { silentLogger } = await import(new URL('domain/logger.js', built).href)
  const engine = await ChdbEngine.open({ path, settings: defaultSettings().store, logger: silentLogger })
  process.send(await engine.pid())
`

const SLOW = 'SELECT sleepEachRow(0.1) AS slept FROM numbers(8) SETTINGS max_block_size = 1'

/** A dead process may stay in the table until its new parent looks: Z. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('the chDB engine', () => {
  it('reads with all the threads it is given, also where its memory limit leaves it little', async () => {
    await engine.execute('CREATE TABLE many (n UInt32) ENGINE = MergeTree ORDER BY n')
    await engine.execute('INSERT INTO many SELECT number FROM numbers(2000000)')
    const pipeline = await engine.query(
      'SELECT explain FROM (EXPLAIN PIPELINE SELECT sum(n + 1) FROM many)',
      {},
    )
    expect(JSON.stringify(pipeline)).toContain(`× ${settings.maxThreads}`)
  })

  it('renews its process when nothing is under way: what comes waits, and nothing is lost', async () => {
    // However slow the machine is.
    await engine.close()
    engine = await open({ renewal: { longestMs: 60_000, againAfterMs: 60_000 } })
    await engine.execute('CREATE TABLE kept (n UInt32) ENGINE = MergeTree ORDER BY n')
    await engine.execute('INSERT INTO kept SELECT number FROM numbers(1000)')
    const former = (await engine.pid()) ?? 0
    const running = engine.query(SLOW, {})
    expect(await engine.renew()).toBe(false)
    expect(await engine.pid()).toBe(former)
    expect(await running).toHaveLength(8)

    const renewal = engine.renew()
    while (isRunning(former)) await sleep(1)
    const asked = engine.query('SELECT count() AS n FROM kept', {})
    const written = engine.execute('INSERT INTO kept VALUES (1000)')
    expect(await renewal).toBe(true)
    await written
    expect(await asked).toEqual([{ n: expect.stringMatching(/^100[01]$/) }])
    expect(await engine.query('SELECT count() AS n FROM kept', {})).toEqual([{ n: '1001' }])
    expect(await engine.pid()).not.toBe(former)
    expect(engine.restarts).toBe(0)
  })

  it('leaves a process that was slow to open alone, and renews it later all the same', async () => {
    await engine.close()
    engine = await open({ renewal: { longestMs: 0, againAfterMs: 1_000 } })
    const openedAtMs = Date.now()
    const former = await engine.pid()
    expect(await engine.renew()).toBe(false)
    expect(await engine.pid()).toBe(former)
    await sleep(openedAtMs + 1_000 - Date.now())
    expect(await engine.renew()).toBe(true)
    expect(await engine.pid()).not.toBe(former)
  })

  it('ends a process that does not close in time', async () => {
    const child = new ChdbChild(2)
    await child.open({ path: join(directory, 'hung'), sessions: 2, connectionArgs: [] })
    const pid = child.pid ?? 0
    process.kill(pid, 'SIGSTOP')
    await child.close(200)
    expect(isRunning(pid)).toBe(false)
  })

  it('gives values back exactly as they were bound, whatever they hold', async () => {
    const texts = [
      "it's",
      'a\\b',
      'tab\tline\nnul\0',
      '{x:String}',
      '\\N',
      'ünïcødé 🚀',
      "'; DROP TABLE spans --",
      '',
    ]
    for (const text of texts) {
      expect(
        await engine.query('SELECT {x:String} AS x, {xs:Array(String)} AS xs', {
          x: text,
          xs: texts,
        }),
      ).toEqual([{ x: text, xs: texts }])
    }
    const values = { big: 18_446_744_073_709_551_615n, n: -1.5, yes: true, ids: [1n, 2n] }
    expect(
      await engine.query(
        'SELECT {big:UInt64} AS big, {n:Float64} AS n, {yes:Bool} AS yes, {ids:Array(UInt64)} AS ids',
        values,
      ),
    ).toEqual([{ big: '18446744073709551615', n: -1.5, yes: true, ids: ['1', '2'] }])
  })

  it('refuses parameter names that are not names', async () => {
    await expect(engine.query('SELECT 1', { 'x = 1; --': 1 })).rejects.toThrow(
      'Not a parameter name',
    )
  })

  it('runs reads at the same time, each with its own parameters', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        engine.query('SELECT {n:UInt8} AS n, sleep(0.01) AS s', { n }),
      ),
    )
    expect(answers.map(([row]) => Object(row).n)).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  it('stops a query at its limits of time, memory and rows, and goes on', async () => {
    const failed = { code: 'STORE_QUERY_FAILED' }
    await expect(engine.query(SLOW, {}, { maxMs: 150 })).rejects.toMatchObject(failed)
    await expect(
      engine.query(
        'SELECT groupArray(number) FROM numbers(100000000)',
        {},
        { maxMemoryBytes: 50_000_000 },
      ),
    ).rejects.toMatchObject(failed)
    await expect(
      engine.query('SELECT number FROM numbers(100)', {}, { maxRows: 10 }),
    ).rejects.toMatchObject(failed)
    await expect(engine.query('SELECT nonsense', {})).rejects.toMatchObject({
      ...failed,
      details: { clickhouseCode: 47 },
    })
    expect(await engine.query('SELECT 1 AS one', {})).toEqual([{ one: 1 }])
    expect(engine.restarts).toBe(0)
  })

  it('answers reads that ran when its process was killed, after a restart', async () => {
    const reads = [engine.query(SLOW, {}), engine.query(`${SLOW}, max_threads = 1`, {})]
    await sleep(200)
    await kill()
    for (const rows of await Promise.all(reads)) expect(rows).toHaveLength(8)
    expect(engine.restarts).toBe(1)
  })

  it('fails writes that ran when its process was killed, and takes them when they are repeated', async () => {
    await engine.execute('CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n')
    const insert = `INSERT INTO t SELECT number + sleepEachRow(0.1) FROM numbers(8) SETTINGS max_block_size = 1`
    const write = engine.execute(insert)
    const failing = expect(write).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    await sleep(200)
    await kill()
    await failing
    await engine.execute(insert)
    expect(await engine.query('SELECT toUInt32(count()) AS rows FROM t', {})).toEqual([{ rows: 8 }])
  })

  it('refuses a query that was running at two crashes, and no other', async () => {
    const guilty = engine.query(SLOW, {})
    const innocent = engine.query('SELECT sleepEachRow(0.1) AS s FROM numbers(4)', {})
    const refused = expect(guilty).rejects.toMatchObject({ code: 'STORE_QUERY_BANNED' })
    await sleep(200)
    await kill()
    // The guilty one is asked again, alone: what dies now dies of it.
    while (engine.restarts < 1) await sleep(10)
    await engine.pid()
    await sleep(150)
    await kill()
    await refused
    expect(await innocent).toHaveLength(4)

    await expect(engine.query(SLOW, {})).rejects.toMatchObject({ code: 'STORE_QUERY_BANNED' })
    expect(await engine.query('SELECT 1 AS one', {})).toEqual([{ one: 1 }])
  })

  it('loads a file of Native blocks once for each token', async () => {
    await engine.execute(
      `CREATE TABLE odd (\`a b\` UInt32, t String) ENGINE = MergeTree ORDER BY \`a b\`
       SETTINGS non_replicated_deduplication_window = 10`,
    )
    const file = join(directory, "it's a segment.native")
    const path = file.replaceAll("'", "\\'")
    await engine.execute(
      `INSERT INTO FUNCTION file('${path}', 'Native') SELECT toUInt32(number) AS \`a b\`, toString(number) AS t FROM numbers(1000)`,
    )
    const columns = ['a b', 't']
    const load = (deduplicationToken: string) =>
      engine.insertNative({ table: 'odd', file, columns, deduplicationToken })
    const rows = async () =>
      Object((await engine.query('SELECT toUInt32(count()) AS n FROM odd', {}))[0]).n
    await load('one')
    await load('one')
    expect(await rows()).toBe(1_000)
    await engine.close()
    engine = await open()
    await load('one')
    expect(await rows()).toBe(1_000)
    await load("two's")
    expect(await rows()).toBe(2_000)
  })

  it('says what is wrong with a file that is not Native', async () => {
    await engine.execute('CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n')
    const file = join(directory, 'broken.native')
    writeFileSync(file, 'this is no block')
    await expect(
      engine.insertNative({ table: 't', file, columns: ['n'], deduplicationToken: 'x' }),
    ).rejects.toMatchObject({ code: 'STORE_QUERY_FAILED' })
  })

  it('is refused a directory that another process has, by name of the cause', async () => {
    await expect(open()).rejects.toMatchObject({ code: 'DATA_DIRECTORY_IN_USE' })
  })

  it('takes its store process along when it is killed itself', async () => {
    await engine.close()
    const owner = join(directory, 'owner.mjs')
    writeFileSync(owner, OWNER)
    const parent = fork(owner, [
      builtEntry(import.meta.url, '../../../').href,
      join(directory, 'telemetry'),
    ])
    const pid = await new Promise<number>(resolve =>
      parent.once('message', message => resolve(Number(message))),
    )
    parent.kill('SIGKILL')
    // Nothing waits for the lock longer than the engine itself would.
    engine = await open()
    expect(isRunning(pid)).toBe(false)
  })

  it('closes while it is waiting to start again', async () => {
    await kill()
    while (engine.restarts === 0) await sleep(5)
    await engine.close()
    await expect(engine.query('SELECT 1', {})).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  })
})

describe('the inside of the store process', () => {
  const text = (answer: ChdbAnswer) =>
    answer.kind === 'done' ? new TextDecoder().decode(answer.bytes) : answer.message

  it('opens sessions, runs what it is told and closes', async () => {
    const host = new ChdbHost()
    const path = join(directory, 'host')
    expect(
      (await host.answer({ kind: 'open', id: 1, path, sessions: 2, connectionArgs: [] })).kind,
    ).toBe('done')
    expect(
      text(await host.answer({ kind: 'run', id: 2, session: 1, sql: 'SELECT 1 AS one' })),
    ).toBe('{"one":1}\n')
    expect(await host.answer({ kind: 'run', id: 3, session: 0, sql: 'SELECT x' })).toMatchObject({
      kind: 'failed',
      id: 3,
      clickhouseCode: 47,
      missing: false,
    })
    expect(text(await host.answer({ kind: 'run', id: 4, session: 9, sql: '' }))).toBe(
      'No session 9',
    )
    expect((await host.answer({ kind: 'close', id: 5 })).kind).toBe('done')
  })
})
