import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'

const application = fileURLToPath(new URL('./ecosystem/sqlite.mjs', import.meta.url))
const CASES = NODES.flatMap(([version, node]) =>
  (version === '20' ? ['libsql'] : ['libsql', 'better-sqlite3', 'node:sqlite']).map(
    driver => [driver, version, node] as const,
  ),
)

describe('SQLite', () => {
  it.each(CASES)('is seen by %s on Node %s, statement by statement', async (driver, _, node) => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('sqlite.mjs', receiver.endpoint, { node })
    const statementsOf = async (path: string) => {
      const before = receiver.spans.length
      const answer = JSON.parse(await app.get(`${path}?driver=${driver}`)) as unknown
      const spans = await eventually('the spans of a request', async () => {
        const own = receiver.spans.slice(before)
        return own.some(({ scope }) => scope === '@perfloop/agent/http') ? own : undefined
      })
      const root = spans.find(({ scope }) => scope === '@perfloop/agent/http')
      const statements = spans.filter(({ scope }) => scope === '@perfloop/agent/sqlite')
      for (const { parentSpanId } of statements) expect(parentSpanId).toBe(root?.spanId)
      return { answer, statements }
    }

    const fruits = await statementsOf('/fruits')
    expect(fruits.answer).toEqual({ one: 'apple 0', none: null, some: 2, iterated: 3 })
    expect(fruits.statements.map(textAndRows)).toEqual([
      ['INSERT INTO fruit (name) VALUES (?)', 1],
      ['INSERT INTO fruit (name) VALUES (?)', 1],
      ['SELECT name FROM fruit WHERE id = ?', 1],
      ['SELECT name FROM fruit WHERE id = ?', 0],
      ['SELECT id, name FROM fruit ORDER BY id LIMIT 3', 2],
      ['SELECT id FROM fruit LIMIT 2', 2],
      ['SELECT id FROM fruit LIMIT 5', 1],
    ])
    for (const { attributes, status } of fruits.statements) {
      expect(attributes).toMatchObject({
        'db.system.name': 'sqlite',
        'code.file.path': application,
        'code.line.number': expect.any(Number),
      })
      expect(status).toBe(0)
    }

    const transaction = await statementsOf('/transaction')
    expect(transaction.statements.map(({ attributes }) => textOf(attributes).trim())).toEqual([
      'BEGIN',
      'INSERT INTO fruit (name) VALUES (?)',
      'INSERT INTO fruit (name) VALUES (?)',
      'COMMIT',
    ])

    const wrong = await statementsOf('/wrong')
    expect(wrong.answer).toEqual([
      expect.stringContaining('UNIQUE constraint failed'),
      expect.stringContaining('no such column: missing'),
      expect.stringContaining('no such column: nowhere'),
    ])
    // What cannot be prepared is never issued.
    expect(wrong.statements.map(({ status }) => status)).toEqual([0, 2, 2])
    expect(wrong.statements[1]?.attributes['db.response.status_code']).toMatch(
      /^(?:SQLITE_CONSTRAINT\w*|2067)$/,
    )

    const large = await statementsOf('/large')
    expect(large.answer).toBe(1_001)
    expect(textOf(large.statements[0]?.attributes ?? {}).length).toBe(8_192)
    expect(app.standardError().replace(/^.*ExperimentalWarning.*\n.*\n/m, '')).toBe('')
  })

  it.each(NODES)(
    'is seen with its lines where the host has frozen Error, on Node %s',
    async (version, node) => {
      await using receiver = await startOtlpReceiver()
      // With stacks of two frames, both of which are the agent's own, no line is left on Node 20.
      const freeze = `Error.stackTraceLimit = ${version === '20' ? 10 : 2}; Object.freeze(Error)`
      await using app = await startWithAgent('sqlite.mjs', receiver.endpoint, {
        node,
        flags: ['--import', `data:text/javascript,${freeze}`],
      })
      await app.get('/fruits?driver=libsql')
      const statements = await eventually('the statements', async () => {
        const own = receiver.spans.filter(({ scope }) => scope === '@perfloop/agent/sqlite')
        return own.length === 7 ? own : undefined
      })
      for (const { attributes } of statements) {
        expect(attributes).toMatchObject({ 'code.file.path': application })
      }
      expect(app.standardError()).not.toContain('perfloop')
    },
  )
})

const textOf = (attributes: ReceivedSpan['attributes']) => String(attributes['db.query.text'])
const textAndRows = ({ attributes }: ReceivedSpan) => [
  attributes['db.query.text'],
  attributes['db.response.returned_rows'],
]
