import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { launchChromium, openPage } from '../browser/chromium.ts'
import { type AgentProcess, startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-badge-'))
const AS_A_PAGE = { 'sec-fetch-dest': 'document' }
let postgres: EmbeddedPostgres
let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>
let app: AgentProcess
let browser: Browser

const start = (env: Record<string, string>) =>
  startWithAgent('badged.mjs', receiver.endpoint, {
    env: { BADGED_DATABASE: postgres.url, ...env },
  })

beforeAll(async () => {
  receiver = await startOtlpReceiver()
  ;[postgres, browser] = await Promise.all([
    startEmbeddedPostgres({ directory: join(scratch, 'postgres') }),
    launchChromium(),
  ])
  app = await start({
    NODE_ENV: 'development',
    PERFLOOP_DASHBOARD_URL: 'http://dashboard.example:4600/',
  })
})

afterAll(async () => {
  await browser?.close()
  await app?.[Symbol.asyncDispose]()
  await postgres?.stop()
  await receiver?.[Symbol.asyncDispose]()
  rmSync(scratch, { recursive: true, force: true })
})

describe('the badge of development', () => {
  it('shows what the page cost and what was repeated, then what its later calls cost, and leads to their traces', async () => {
    const { page, problems } = await openPage(browser)
    const response = await page.goto(`${app.url}/sent`)
    const timing = response?.headers()['server-timing'] ?? ''
    const badge = page.locator('perfloop-badge')
    const summary = badge.getByRole('button').first()
    await summary.getByText(/^\d+ ms · 6 statements in \d+ ms · one repeated 6×$/).waitFor()
    await page.evaluate(() => fetch('/data').then(answer => answer.json()))
    await summary.getByText(/^\d+ ms · 1 statement in \d+ ms$/).waitFor()
    await summary.click()
    const link = badge.getByRole('link', { name: '/sent' })
    const traceId = /00-([0-9a-f]{32})/.exec(timing)?.[1]
    expect(await link.getAttribute('href')).toBe(`http://dashboard.example:4600/traces/${traceId}`)
    await badge.getByRole('link', { name: '/data' }).waitFor()
    await badge.getByRole('button', { name: 'Hide' }).click()
    await page.evaluate(() => fetch('/data').then(answer => answer.json()))
    expect(await badge.count()).toBe(0)
    expect(problems).toEqual([])
  })

  it.each(['streamed', 'length', 'nonce'])(
    'comes with a page that is %s, which stays whole',
    async path => {
      const { page, problems } = await openPage(browser)
      await page.goto(`${app.url}/${path}`)
      await page.getByRole('heading', { name: `é ${path}` }).waitFor()
      await page.locator('perfloop-badge').waitFor()
      expect(problems).toEqual([])
    },
  )

  it.each(['compressed', 'strict'])('leaves alone a page that is %s', async path => {
    const { page, problems } = await openPage(browser)
    await page.goto(`${app.url}/${path}`)
    await page.getByRole('heading', { name: `é ${path}` }).waitFor()
    expect(await page.content()).not.toContain('__perfloop')
    expect(problems).toEqual([])
  })

  it('is in no answer but a page that a browser opens, and never in production', async () => {
    const asPage = await fetch(`${app.url}/sent`, { headers: AS_A_PAGE })
    expect(await asPage.text()).toContain('__perfloop')
    const asFragment = await fetch(`${app.url}/sent`)
    expect(await asFragment.text()).not.toContain('__perfloop')
    expect(await (await fetch(`${app.url}/data`, { headers: AS_A_PAGE })).text()).toBe('"data"')
    await using inProduction = await start({
      NODE_ENV: 'production',
      PERFLOOP_BADGE: 'on',
    })
    const page = await fetch(`${inProduction.url}/sent`, { headers: AS_A_PAGE })
    expect(page.headers.get('server-timing')).toBeNull()
    expect(await page.text()).not.toContain('__perfloop')
    expect((await fetch(`${inProduction.url}/__perfloop/badge.js`)).status).toBe(404)
  })
})
