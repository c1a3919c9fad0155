import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { ApiContext } from './api-context.ts'
import { registerDashboard } from './routes/dashboard.ts'
import { chooseEncoding } from './static-files.ts'

const directory = mkdtempSync(join(tmpdir(), 'perfloop-static-'))
const SCRIPT = 'console.log("hello");'.repeat(100)
let app: FastifyInstance

beforeAll(() => {
  mkdirSync(join(directory, 'assets'))
  writeFileSync(join(directory, 'index.html'), '<!doctype html>the dashboard')
  writeFileSync(join(directory, 'assets/index-AbCd1234.js'), SCRIPT)
  writeFileSync(join(directory, 'icon.png'), 'png')
  app = Fastify()
  app.setErrorHandler((error, _request, reply) =>
    reply.code(404).send(error instanceof PerfloopError ? error.code : String(error)),
  )
  registerDashboard(app, { dashboardDirectory: directory } as ApiContext)
})
afterAll(async () => {
  await app.close()
  rmSync(directory, { recursive: true })
})

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })

describe('the dashboard', () => {
  it('is sent at its root and at every page of it, and always asked for anew', async () => {
    for (const url of ['/', '/operations/x?from=-PT1H', '/issues']) {
      const answer = await get(url, { accept: 'text/html' })
      expect(answer.body).toContain('the dashboard')
      expect(answer.headers).toMatchObject({ 'cache-control': 'no-cache' })
    }
  })

  it('has hashed files that are kept for good, compressed as the browser likes', async () => {
    const url = '/assets/index-AbCd1234.js'
    const plain = await get(url)
    expect(plain.body).toBe(SCRIPT)
    expect(plain.headers['cache-control']).toContain('immutable')
    const br = await get(url, { 'accept-encoding': 'gzip, br' })
    expect(br.headers['content-encoding']).toBe('br')
    expect(brotliDecompressSync(br.rawPayload).toString()).toBe(SCRIPT)
    const gzip = await get(url, { 'accept-encoding': 'gzip' })
    expect(gunzipSync(gzip.rawPayload).toString()).toBe(SCRIPT)
    expect(gzip.headers.vary).toBe('accept-encoding')
    const known = await get(url, { 'if-none-match': String(plain.headers.etag) })
    expect([known.statusCode, known.body]).toEqual([304, ''])
  })

  it('has no way out of its folder', async () => {
    for (const url of ['/../package.json', '/%2e%2e/package.json', '/assets/..%2f..%2fx']) {
      expect((await get(url)).statusCode).toBe(404)
    }
  })

  it('does not answer for a missing script or a mistyped API address with a page', async () => {
    for (const url of ['/assets/gone.js', '/api/v2/x', '/agent/v1']) {
      expect((await get(url, { accept: 'text/html' })).statusCode).toBe(404)
    }
  })
})

describe('an encoding', () => {
  it('is chosen among those accepted, and only for what compresses', () => {
    expect(chooseEncoding('gzip;q=0, br;q=0', 'text/html')).toBe('identity')
    expect(chooseEncoding('gzip, br;q=0', 'text/html')).toBe('gzip')
    expect(chooseEncoding('br', 'image/png')).toBe('identity')
    expect(chooseEncoding(undefined, 'text/html')).toBe('identity')
  })
})
