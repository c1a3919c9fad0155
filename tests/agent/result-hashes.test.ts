import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually, startPerfloop } from '../perfloop-process.ts'
import { type AgentProcess, NODES, startWithAgent } from './agent-process.ts'
import { isMariaDbMissing, type MariaDb, startMariaDb } from './mariadb.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'

const NODE = NODES.find(([version]) => version === '24')?.[1] ?? process.execPath
const PARAMETERS = 'perfloop.db.parameters.hash'
const RESULT = 'perfloop.db.result.hash'
const HASHED_ROWS = 'perfloop.db.result.hashed_rows'

interface Span {
  readonly statement: object | null
  readonly result: string | null
  readonly parameters: string | null
  readonly attributes: Record<string, unknown>
}

describe('the hash of what a read answered', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'perfloop-hashes-'))
  let postgres: EmbeddedPostgres
  let mariadb: MariaDb | undefined

  beforeAll(async () => {
    postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
    mariadb = isMariaDbMissing ? undefined : await startMariaDb()
  })

  afterAll(async () => {
    await mariadb?.[Symbol.asyncDispose]()
    await postgres?.stop()
    rmSync(scratch, { recursive: true, force: true })
  })

  const start = async (endpoint: string, env: Record<string, string> = {}) =>
    startWithAgent('result-hashes.mjs', endpoint, {
      node: NODE,
      env: {
        HASHES_POSTGRES: postgres.url,
        ...(mariadb === undefined ? {} : { HASHES_MARIADB: mariadb.url }),
        ...env,
      },
    })

  /** The statement that a request issued, once its root was received too. */
  const asking =
    (app: AgentProcess, spans: readonly ReceivedSpan[]) =>
    async (path: string): Promise<ReceivedSpan['attributes']> => {
      const before = spans.length
      await app.get(path)
      const own = await eventually(path, async () => {
        const those = spans.slice(before)
        return those.some(({ kind }) => kind === 2) ? those : undefined
      })
      return own.find(({ kind }) => kind === 3)?.attributes ?? {}
    }

  it.skipIf(isMariaDbMissing)('is told by all drivers alike, where it is wanted', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await start(receiver.endpoint, { PERFLOOP_RESULT_HASHES: 'on' })
    const ask = asking(app, receiver.spans)
    for (const driver of ['pg', 'mysql2', 'better-sqlite3', 'node:sqlite']) {
      const first = await ask(`/${driver}/read?id=1`)
      expect(first[RESULT], driver).toMatch(/^[0-9a-f]{16}$/)
      expect(first[PARAMETERS], driver).toMatch(/^[0-9a-f]{16}$/)
      expect(first, driver).not.toHaveProperty([HASHED_ROWS])
      const again = await ask(`/${driver}/read?id=1`)
      expect([again[PARAMETERS], again[RESULT]], driver).toEqual([first[PARAMETERS], first[RESULT]])
      const other = await ask(`/${driver}/read?id=2`)
      expect(other[PARAMETERS], driver).not.toBe(first[PARAMETERS])
      expect(other[RESULT], driver).not.toBe(first[RESULT])

      const write = await ask(`/${driver}/price?id=1&price=7`)
      expect(write['db.query.text'], driver).toContain('UPDATE')
      expect(write, driver).not.toHaveProperty([RESULT])
      const changed = await ask(`/${driver}/read?id=1`)
      expect(changed[PARAMETERS], driver).toBe(first[PARAMETERS])
      expect(changed[RESULT], driver).not.toBe(first[RESULT])
      await ask(`/${driver}/price?id=1&price=5`)
      expect((await ask(`/${driver}/read?id=1`))[RESULT], driver).toBe(first[RESULT])

      const many = await ask(`/${driver}/many?rows=20000`)
      expect(many[RESULT], driver).toMatch(/^[0-9a-f]{16}$/)
      expect(Number(many[HASHED_ROWS]), driver).toBeGreaterThan(100)
      expect(Number(many[HASHED_ROWS]), driver).toBeLessThan(20_000)
      const fewer = await ask(`/${driver}/many?rows=19999`)
      expect(fewer[RESULT], driver).not.toBe(many[RESULT])

      expect(await ask(`/${driver}/streamed`), driver).not.toHaveProperty([RESULT])
    }
    // What keeps its value where nobody can look is not taken for equal, and a question that is not known for the same.
    expect(await ask('/pg/strange')).not.toHaveProperty([RESULT])
    expect(await ask('/pg/unlike')).not.toHaveProperty([RESULT])
    // What was bound before tells as much as what is given.
    expect(await ask('/better-sqlite3/bound?id=2')).toMatchObject({
      [PARAMETERS]: (await ask('/better-sqlite3/read?id=2'))[PARAMETERS],
      [RESULT]: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    const one = await ask('/mysql2/one?id=1')
    expect(one[PARAMETERS]).not.toBe((await ask('/mysql2/one?id=2'))[PARAMETERS])
    expect(app.standardError().replace(/^.*ExperimentalWarning.*\n.*\n/m, '')).toBe('')
  })

  it('is told to nobody by default, and changes no answer', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await start(receiver.endpoint, { HASHES_MARIADB: '' })
    await using others = await startOtlpReceiver()
    await using hashing = await start(others.endpoint, {
      HASHES_MARIADB: '',
      PERFLOOP_RESULT_HASHES: 'on',
    })
    const ask = asking(app, receiver.spans)
    for (const path of [
      '/pg/read?id=1',
      '/pg/many?rows=9',
      '/pg/strange',
      '/node:sqlite/read?id=1',
    ]) {
      const attributes = await ask(path)
      expect(attributes['db.query.text'], path).toBeDefined()
      expect(Object.keys(attributes).join(' '), path).not.toContain('hash')
      expect(await hashing.get(path), path).toBe(await app.get(path))
    }
  })

  it('is asked for by Perfloop, which shows it with the span and keeps it only with its own key', async () => {
    await using perfloop = await startPerfloop({
      env: { PERFLOOP_AGENTS_RESULT_HASHES: '["watched"]' },
    })
    await using app = await start(perfloop.otlpHttpUrl, { HASHES_MARIADB: '' })
    const readSpan = async (path: string) => {
      const traceId = randomBytes(16).toString('hex')
      await fetch(app.url + path, {
        headers: { traceparent: `00-${traceId}-${'1'.repeat(16)}-01` },
      })
      return eventually('the span', async () => {
        const { spans } = (await perfloop.get(`/traces/${traceId}`)).data as { spans: Span[] }
        return spans.find(({ statement }) => statement !== null)
      })
    }
    const first = await eventually('the server to ask for hashes', async () => {
      const span = await readSpan('/pg/read?id=1')
      return span.result === null ? undefined : span
    })
    expect(first.result).toMatch(/^[0-9a-f]{8}$/)
    expect(first.parameters).toMatch(/^[0-9a-f]{8}$/)
    expect(Object.keys(first.attributes).join(' ')).not.toContain('hash')
    const other = await readSpan('/pg/read?id=2')
    expect([other.result, other.parameters]).not.toContain(first.result)
    expect(other.parameters).not.toBe(first.parameters)
    const many = await readSpan('/pg/many?rows=20000')
    expect(many.attributes[HASHED_ROWS]).toEqual(expect.any(Number))
  })
})
