import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { type AgentProcess, NODES, startWithAgent } from './agent-process.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2
const packages = fileURLToPath(new URL('ecosystem/node_modules', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'perfloop-frameworks-'))

// Packages are known by the names of their folders: the older Express, which is installed beside the newer one, is put
// into a folder that its users would have.
const express4 = join(scratch, 'node_modules/express')

beforeAll(() => {
  cpSync(join(packages, 'express4'), express4, { recursive: true })
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** What is called, and what its span is to say: its name, its status, and the message of its first error. */
type Call = readonly [call: string, name: string, status: number, exception?: string]

/** Calls one after the other, and gives back the spans of the servers in the order they were called. */
async function call(
  app: AgentProcess,
  spans: readonly ReceivedSpan[],
  calls: readonly Call[],
): Promise<ReceivedSpan[]> {
  const before = servers(spans).length
  for (const [called] of calls) {
    const [method, path] = called.split(' ')
    await (await fetch(app.url + path, { method: method ?? 'GET' })).text()
  }
  return eventually('the spans', async () => {
    const now = servers(spans).slice(before)
    return now.length >= calls.length ? now : undefined
  })
}

const servers = (spans: readonly ReceivedSpan[]) => spans.filter(({ kind }) => kind === SERVER)

function seen(span: ReceivedSpan, [called]: Call): Call {
  const message = span.events[0]?.attributes['exception.message']
  const status = Number(span.attributes['http.response.status_code'])
  return message === undefined
    ? [called, span.name, status]
    : [called, span.name, status, String(message)]
}

async function expectCalls(
  app: AgentProcess,
  spans: readonly ReceivedSpan[],
  calls: readonly Call[],
): Promise<ReceivedSpan[]> {
  const got = await call(app, spans, calls)
  expect(got.map((span, n) => seen(span, calls[n] as Call))).toEqual(calls)
  for (const span of got) {
    const route = span.attributes['http.route']
    expect(span.name.split(' ')[1]).toBe(route)
    if (span.events.length > 0) {
      expect(span.events[0]?.name).toBe('exception')
    }
  }
  return got
}

describe('Express, as the Node agent sees it', () => {
  it.each(['express', 'express 4'])(
    'names requests to %s by the routes that were declared, wherever these are mounted',
    async framework => {
      await using receiver = await startOtlpReceiver()
      await using app = await startWithAgent('express-routes.mjs', receiver.endpoint, {
        env:
          framework === 'express'
            ? {}
            : { EXPRESS: join(express4, 'index.js'), NODE_PATH: packages },
      })
      await expectCalls(app, receiver.spans, [
        ['GET /towns/7/stalls/42', 'GET /towns/:town/stalls/:stall', 200],
        // Express 4.9 ends such an answer twice, which ends the process.
        ...(framework === 'express'
          ? [['HEAD /towns/7/stalls/42', 'HEAD /towns/:town/stalls/:stall', 200] as const]
          : [['GET /zones/inner/city/plan', 'GET /zones/:zone(inner/city)/plan', 200] as const]),
        ['GET /towns/7/stalls', 'GET /towns/:town/stalls', 200],
        ['POST /towns/7/stalls', 'POST /towns/:town/stalls', 201],
        ['GET /countries/nl/markets/9', 'GET /countries/:country/markets/:stall', 200],
        ['GET /admin/users/3', 'GET /admin/users/:user', 200],
        ['GET /admin/fails', 'GET /admin/fails', 500, 'seen by nobody but the root'],
        ['GET /first/legacy/old', 'GET /first/legacy/old', 200],
        ['GET /second/legacy/old', 'GET /second/legacy/old', 200],
        ['GET /SECOND/Legacy/old', 'GET /second/legacy/old', 200],
        ['GET /tenants/88/report', 'GET /tenants/:tenant/report', 200],
        ['GET /pattern-77', 'GET /^\\/pattern-(\\d+)$/', 200],
        ['GET /two', 'GET /one|/two', 200],
        ['GET /', 'GET /', 200],
        ['SEARCH /fruit', 'SEARCH /fruit', 200],
        ['SEARCH /nowhere', '_OTHER', 404],
        ['DELETE /anything', 'DELETE /anything', 200],
        ['GET /guarded/door', 'GET', 500, 'by a guard'],
        ['GET /throws', 'GET /throws', 500, 'by a handler'],
        ['GET /throws-text', 'GET /throws-text', 500, 'no error at all'],
        ['GET /skips', 'GET /skips', 200],
        ['GET /handled', 'GET', 500, 'taken by a handler'],
        ['GET /nowhere/1', 'GET', 404],
      ])
      expect(JSON.parse(await app.get('/recognizable'))).toBe(true)
      const declared = JSON.parse(await app.get('/declared')) as string[]
      expect(declared).toEqual(
        expect.arrayContaining([
          'express GET /towns/:town/stalls/:stall',
          'express POST /towns/:town/stalls',
          'express GET /countries/:country/markets/:stall',
          'express GET /admin/users/:user',
          'express GET /first/legacy/old',
          'express GET /second/legacy/old',
          'express ALL /anything',
          'express GET /',
          'express SEARCH /fruit',
        ]),
      )
      expect(declared.some(route => /GET \/(?::stall|old|report)$/.test(route))).toBe(false)
      await app.get('/late')
      await new Promise(resolve => setTimeout(resolve, 50))
      expect(JSON.parse(await app.get('/declared'))).toContain('express GET /declared-late/:id')
      expect(app.standardError()).not.toContain('perfloop')
    },
  )
})

interface Framework {
  readonly name: string
  readonly file: string
  readonly env?: Record<string, string>
  readonly calls: readonly Call[]
  readonly declared: readonly string[]
  readonly undeclared?: RegExp
  readonly declaredPath?: string
  /** `code.function.name` of each call. */
  readonly handlers?: readonly (string | undefined)[]
}

const FRAMEWORKS: readonly Framework[] = [
  {
    name: 'Fastify',
    file: 'fastify-routes.mjs',
    calls: [
      ['GET /towns/7', 'GET /towns/:town', 200],
      ['GET /towns/7/stalls/42', 'GET /towns/:town/stalls/:stall', 200],
      ['HEAD /towns/7/stalls/42', 'HEAD /towns/:town/stalls/:stall', 200],
      ['POST /towns/7/stalls/', 'POST /towns/:town/stalls', 201],
      ['GET /guarded/door', 'GET /guarded/:thing', 401],
      ['GET /handled', 'GET /handled', 502, 'taken by a handler'],
      ['GET /throws', 'GET /throws', 500, 'by a handler'],
      ['GET /throws-text', 'GET /throws-text', 500, 'no error at all'],
      ['DELETE /anything', 'DELETE /anything', 200],
      ['GET /nowhere/1', 'GET', 404],
    ],
    declared: [
      'fastify GET /towns/:town/stalls/:stall',
      'fastify POST /towns/:town/stalls',
      'fastify GET /guarded/:thing',
      'fastify ALL /anything',
    ],
  },
  {
    name: 'Koa',
    file: 'koa-routes.mjs',
    calls: [
      ['GET /towns/7', 'GET /towns/:town', 200],
      ['GET /towns/7/stalls/42', 'GET /towns/:town/stalls/:stall', 200],
      ['HEAD /towns/7/stalls/42', 'HEAD /towns/:town/stalls/:stall', 200],
      ['POST /towns/7/stalls', 'POST /towns/:town/stalls', 201],
      ['GET /throws', 'GET /throws', 500, 'by a handler'],
      ['GET /throws-text', 'GET /throws-text', 500, 'no error at all'],
      ['GET /handled', 'GET /handled', 502, 'taken by a handler'],
      ['GET /refused', 'GET /refused', 403, 'not yours'],
      ['DELETE /anything', 'DELETE /anything', 200],
      ['GET /nowhere/1', 'GET', 404],
    ],
    declared: [
      'koa GET /towns/:town/stalls/:stall',
      'koa POST /towns/:town/stalls',
      'koa ALL /anything',
    ],
  },
  {
    name: 'Hapi',
    file: 'hapi-routes.mjs',
    calls: [
      ['GET /towns/7', 'GET /towns/{town}', 200],
      ['GET /towns/7/stalls/4/2', 'GET /towns/{town}/stalls/{stall*2}', 201],
      ['POST /towns/7/stalls/4/2', 'POST /towns/{town}/stalls/{stall*2}', 201],
      ['GET /guarded/door', 'GET /guarded/{thing}', 401],
      ['GET /throws', 'GET /throws', 500, 'by a handler'],
      ['DELETE /anything', 'DELETE /anything', 200],
      ['GET /nowhere/1', 'GET', 404],
    ],
    declared: ['hapi GET /towns/{town}/stalls/{stall*2}', 'hapi ALL /anything'],
  },
  ...['hono', 'hono/tiny'].map(name => ({
    name,
    file: 'hono-routes.mjs',
    env: { HONO: name },
    calls: [
      ['GET /towns/7/stalls/42', 'GET /towns/:town/stalls/:stall', 200],
      ['HEAD /towns/7/stalls/42', 'HEAD /towns/:town/stalls/:stall', 200],
      ['POST /towns/7/stalls', 'POST /towns/:town/stalls', 201],
      ['GET /guarded/door', 'GET', 401],
      ['GET /throws', 'GET /throws', 500, 'by a handler'],
      ['GET /throws-later', 'GET /throws-later', 500, 'by a handler, later'],
      ['DELETE /anything', 'DELETE /anything', 200],
      ['GET /nowhere/1', 'GET', 404],
    ] as const,
    declared: ['hono GET /towns/:town/stalls/:stall', 'hono ALL /anything'],
    undeclared: /GET \/:stall/,
  })),
  {
    name: 'SvelteKit, as it is built',
    file: 'svelte-kit-build/index.js',
    calls: [
      ['GET /blog/first', 'GET /blog/[slug]', 200],
      ['POST /api/items/7', 'POST /api/items/[id]', 200],
      ['GET /nowhere/1', 'GET', 404],
    ],
    declared: ['sveltekit GET /blog/[slug]', 'sveltekit ALL /api/items/[id]'],
  },
  {
    name: 'Nitro and Vue, as they are built',
    file: 'nitro-build/index.mjs',
    calls: [
      ['GET /api/7', 'GET /api/:item', 200],
      ['GET /api/fails', 'GET /api/:item', 500, 'by a handler'],
      ['GET /api/gone', 'GET /api/:item', 404],
      ['GET /towns/7', 'GET /towns/:town', 200],
    ],
    declared: ['vue GET /towns/:town'],
  },
  ...['express', 'fastify'].map(name => ({
    name: `NestJS on ${name}`,
    file: 'nest-routes.mjs',
    env: { NEST: name },
    calls: [
      ['GET /api/towns/7/stalls/42', 'GET /api/towns/:town/stalls/:stall', 200],
      ['POST /api/towns', 'POST /api/towns', 201],
      ['GET /api/towns/throws', 'GET /api/towns/throws', 500, 'by a handler'],
      ['GET /api/towns/throws-later', 'GET /api/towns/throws-later', 500, 'by a handler, later'],
      ['GET /api/towns/refuses', 'GET /api/towns/refuses', 403],
      ['GET /nowhere/1', 'GET', 404],
    ] as const,
    declared: [`${name} GET /api/towns/:town/stalls/:stall`, `${name} POST /api/towns`],
    declaredPath: '/towns/declared',
    handlers: [
      'TownsController.stall',
      'TownsController.make',
      'TownsController.throws',
      'TownsController.throwsLater',
      'TownsController.refuses',
      undefined,
    ],
  })),
]

describe('other frameworks, as the Node agent sees them', () => {
  it.each(FRAMEWORKS)(
    'names requests to $name by the routes that were declared, and tells their first errors',
    async ({ file, env = {}, calls, declared, undeclared, declaredPath, handlers }) => {
      await using receiver = await startOtlpReceiver()
      await using app = await startWithAgent(file, receiver.endpoint, { env })
      const seen = await expectCalls(app, receiver.spans, calls)
      const names = seen.map(({ attributes }) => attributes['code.function.name'])
      expect(names).toEqual(handlers ?? names.map(() => undefined))
      const known = JSON.parse(await app.get(declaredPath ?? '/declared')) as string[]
      expect(known).toEqual(expect.arrayContaining([...declared]))
      for (const route of known) expect(route).not.toMatch(undeclared ?? /HEAD/)
      expect(app.standardError()).not.toContain('perfloop')
    },
  )

  const others = NODES.filter(([version]) => version !== '20')
  it.each(others)('does so on Node %s', async (_version, node) => {
    const express: Call = ['GET /admin/users/3', 'GET /admin/users/:user', 200]
    const applications = [...FRAMEWORKS, { file: 'express-routes.mjs', env: {}, calls: [express] }]
    await Promise.all(
      applications.map(async ({ file, env = {}, calls, ...rest }) => {
        await using receiver = await startOtlpReceiver()
        await using app = await startWithAgent(file, receiver.endpoint, { env, node })
        const [first] = await expectCalls(app, receiver.spans, calls.slice(0, 1))
        const [handler] = 'handlers' in rest ? (rest.handlers ?? []) : []
        expect(first?.attributes['code.function.name']).toBe(handler)
        expect(app.standardError()).not.toContain('perfloop')
      }),
    )
  })
})
