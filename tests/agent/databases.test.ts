import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-databases-'))
let log = ''
let postgres: EmbeddedPostgres

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({
    directory: join(scratch, 'postgres'),
    settings: { log_statement: 'all', log_line_prefix: '%a: ' },
    onLog: text => {
      log += text
    },
  })
})

afterAll(async () => {
  await postgres?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

const application = fileURLToPath(new URL('./ecosystem/postgres.mjs', import.meta.url))
const source = readFileSync(application, 'utf8').split('\n')
const roots = (spans: readonly ReceivedSpan[]) =>
  spans.filter(({ scope }) => scope === '@perfloop/agent/http')
const statements = (spans: readonly ReceivedSpan[]) =>
  spans.filter(({ attributes }) => attributes['db.query.text'] !== undefined)
const textOf = ({ attributes }: ReceivedSpan) => String(attributes['db.query.text'])

describe('PostgreSQL', () => {
  it.each(NODES)(
    'is seen as it logs, by drivers and mappers, on Node %s',
    async (version, node) => {
      const name = `shop${version}`
      const url = `${postgres.url}${postgres.url.includes('?') ? '&' : '?'}application_name=${name}`
      const routes = [
        'pool',
        'callback',
        'client',
        'cursor',
        'knex',
        'sequelize',
        'typeorm',
        'drizzle',
        'wrong',
      ]
      await using receiver = await startOtlpReceiver()
      await using app = await startWithAgent('postgres.mjs', receiver.endpoint, {
        node,
        env: { SHOP_DATABASE: url },
      })
      const { spans } = receiver

      // Twice: the first time connections are opened, on which a mapper asks what it wants to know.
      const alone = new Map<string, readonly string[]>()
      for (const route of [...routes, ...routes]) {
        const before = { spans: spans.length, logged: loggedStatements(name).length }
        expect(await app.get(`/${route}`), route).not.toContain('Error')
        const own = await eventually(`the spans of ${route}`, async () => {
          const since = spans.slice(before.spans)
          return roots(since).length === 1 ? since : undefined
        })
        const logged = await eventually(`the log of ${route}`, async () => {
          const since = loggedStatements(name).slice(before.logged)
          return since.length >= statements(own).length ? since : undefined
        })
        expect(statements(own).map(textOf).sort()).toEqual(logged.sort())
        for (const { parentSpanId } of statements(own))
          expect(parentSpanId).toBe(roots(own)[0]?.spanId)
        if (alone.has(route)) expectLinesOf(route, statements(own))
        if (route === 'wrong')
          expect(statements(own).map(({ status }) => status)).toEqual([2, 2, 2, 2, 2])
        alone.set(route, logged)
      }

      const before = { spans: spans.length, logged: loggedStatements(name).length }
      const requests = 2_000
      let next = 0
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          while (next < requests) await app.get(`/${routes[next++ % routes.length]}`)
        }),
      )
      const own = await eventually(
        'all requests',
        async () => {
          const since = spans.slice(before.spans)
          return roots(since).length >= requests ? since : undefined
        },
        30_000,
      )
      const byParent = new Map<string, string[]>()
      for (const span of statements(own)) {
        if (isOfConnecting(textOf(span))) continue
        const texts = byParent.get(span.parentSpanId)
        if (texts === undefined) byParent.set(span.parentSpanId, [textOf(span)])
        else texts.push(textOf(span))
      }
      for (const root of roots(own)) {
        const route = String(root.attributes['url.path']).slice(1)
        expect(byParent.get(root.spanId)?.sort(), route).toEqual(alone.get(route))
      }
      const logged = loggedStatements(name).slice(before.logged)
      expect(statements(own).length).toBe(logged.length)
      expect(new Set(own.map(({ spanId }) => spanId)).size).toBe(own.length)
      expect(app.standardError()).not.toContain('perfloop')
    },
  )
})

/** The application's own lines, and those of the route that issued the statements. */
function expectLinesOf(route: string, issued: readonly ReceivedSpan[]): void {
  const first = source.findIndex(line => line.includes(`'/${route}'`))
  const count = source.slice(first + 1).findIndex(line => /^(?: {2}(?:async )?'\/|\})/.test(line))
  for (const { name, attributes } of issued) {
    // Issued everywhere with one text: without a framework's routes one line is not told from another.
    if (/^(?:BEGIN|START|COMMIT|ROLLBACK)$/.test(name)) continue
    const text = String(attributes['db.query.text'])
    expect(attributes['code.file.path'], text).toBe(application)
    expect(attributes['code.line.number'], text).toBeGreaterThan(first)
    expect(attributes['code.line.number'], text).toBeLessThanOrEqual(first + 1 + count)
  }
}

/** What a mapper asks on a connection that it has opened. */
function isOfConnecting(text: string): boolean {
  return /^(?:select version\(\)|SET client_min_messages|WITH ranges AS)/.test(text)
}

/** Texts of statements as the server has logged them; further rows of a cursor are no further statement. */
function loggedStatements(name: string): string[] {
  const lines = new RegExp(
    `^${name}: .*LOG: {2}(?:statement|execute (?!fetch from)[^:]*): (.*)$`,
    'gm',
  )
  return [...log.matchAll(lines)].map(([, text]) => text ?? '')
}
