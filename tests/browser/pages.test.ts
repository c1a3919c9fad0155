import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seedAgentPages } from './agent-pages.ts'
import { type Bakery, openBakery } from './bakery.ts'
import { launchChromium, openPage, type WatchedPage } from './chromium.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const WIDTHS = [390, 768, 1280, 1920]
const MOST_LAYOUT_SHIFT = 0.1
const MOST_INITIAL_SCRIPT_BYTES = 120 * 1024

/** Where each page is, once it is known what there is to see. */
const PAGES: Readonly<Record<string, () => string>> = {
  overview: () => '/',
  operations: () => '/operations',
  operation: () => operationPath,
  statements: () => '/statements',
  statement: () => `/statements/${bakery.fingerprint}`,
  traces: () => '/traces',
  trace: () => `/traces/${bakery.traceId}`,
  issues: () => '/issues',
  issue: () => `/issues/${bakery.issueId}`,
  optimizations: () => '/optimizations',
  optimization: () => `/optimizations/${bakery.optimizationId}`,
  targets: () => '/targets',
  agents: () => '/agents',
  profile: () => `/profiles/${profileId}`,
  coverage: () => '/coverage',
  'hot code': () => '/code',
  runtime: () => '/runtime',
  health: () => '/health',
  'send data': () => '/send',
  settings: () => '/settings',
}

let bakery: Bakery
let browser: Browser
let watched: WatchedPage
let operationPath = ''
let profileId = ''
const links = new Set<string>()
const visited = new Set<string>()

beforeAll(async () => {
  ;[bakery, browser] = await Promise.all([openBakery(), launchChromium()])
  profileId = (await seedAgentPages(bakery.perfloop)).profileId
  watched = await openPage(browser)
  const found = await linksOf(await visit('/operations'))
  operationPath = found.find(href => href.startsWith('/operation?')) ?? ''
}, 120_000)

afterAll(async () => {
  await browser?.close()
  await bakery?.[Symbol.asyncDispose]()
})

/** Opens an address as somebody who was sent it, and waits until everything asked for has come. */
async function visit(path: string): Promise<Page> {
  const { page } = watched
  await page.goto(bakery.perfloop.url + path)
  await settled(page)
  visited.add(kindOfAddress(path))
  return page
}

async function settled(page: Page): Promise<void> {
  await page.waitForSelector('main h1')
  await page.waitForFunction(
    () => document.querySelector('main .skeleton, main [aria-busy=true]') === null,
  )
  await page.evaluate(() => document.fonts.ready)
}

/** What is saved as a file is no page. */
function linksOf(page: Page): Promise<string[]> {
  return page.$$eval('a[href^="/"]:not([download])', found =>
    found.map(link => link.getAttribute('href') ?? ''),
  )
}

describe.each(Object.keys(PAGES))('the %s page', name => {
  it('opens by its address, fits every width, and holds no barrier in either theme', async () => {
    const path = PAGES[name]?.() ?? ''
    const { page, problems } = watched
    problems.length = 0
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
    await visit(path)
    expect(await page.locator('main .failure').count(), 'failures on the page').toBe(0)
    expect(await page.title()).toMatch(/Perfloop/)
    expect(await watched.layoutShift(), 'layout shift').toBeLessThan(MOST_LAYOUT_SHIFT)
    for (const link of await linksOf(page)) links.add(link)

    expect(await barriers(page), 'in the light theme').toEqual([])
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    await twoFrames(page)
    expect(await barriers(page, ['color-contrast']), 'in the dark theme').toEqual([])

    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 })
      await twoFrames(page)
      const beyond = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(beyond, `pixels beyond ${width}`).toBeLessThanOrEqual(0)
    }
    await page.setViewportSize({ width: 1280, height: 900 })
    expect(problems).toEqual([])
  })
})

describe('the links', () => {
  it('all lead somewhere, each kind of address tried once', async () => {
    expect(links.size).toBeGreaterThan(Object.keys(PAGES).length)
    for (const link of links) {
      if (visited.has(kindOfAddress(link))) continue
      const page = await visit(link)
      expect(await page.locator('main .failure').count(), `${link} leads to a failure`).toBe(0)
      expect(await page.locator('main h1').textContent(), link).not.toMatch(/not found|no such/i)
    }
  })

  it('that are wrong say so, and lead back', async () => {
    const page = await visit('/no-such-page')
    expect(await page.locator('main h1').textContent()).toMatch(/not found/i)
    expect(await page.locator('main a[href="/"]').count()).toBe(1)
  })
})

/** Serious and critical violations, as axe words them. Themes differ in colours only. */
async function barriers(page: Page, rules?: readonly string[]): Promise<string[]> {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate(
    chosen =>
      (globalThis as unknown as { axe: Axe }).axe.run(
        chosen === undefined ? {} : { runOnly: { type: 'rule', values: chosen } },
      ),
    rules === undefined ? undefined : [...rules],
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
}

interface Axe {
  run(options: object): Promise<AxeResults>
}

describe('what a browser is sent', () => {
  it('is little script at first, compressed, and kept for good where its name says what it holds', async () => {
    const { page } = await openPage(browser)
    const responses: { url: string; headers: Record<string, string>; bytes: number }[] = []
    page.on('response', async response => {
      const url = response.url()
      if (!/\/assets\/|\/theme\.js$|\.css$/.test(url)) return
      const body = await response.body().catch(() => Buffer.alloc(0))
      responses.push({ url, headers: response.headers(), bytes: gzipSync(body).length })
    })
    // A page that is not there: what every page needs, and no page's own.
    await page.goto(`${bakery.perfloop.url}/no-such-page`)
    await settled(page)
    const scripts = responses.filter(({ url }) => url.endsWith('.js'))
    expect(scripts.length).toBeGreaterThan(0)
    expect(scripts.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(
      MOST_INITIAL_SCRIPT_BYTES,
    )
    for (const { url, headers } of responses.filter(({ url }) => url.includes('/assets/'))) {
      expect(headers['cache-control'], url).toContain('immutable')
      if (/\.(js|css)$/.test(url)) expect(headers['content-encoding'], url).toMatch(/^(br|gzip)$/)
    }
    await page.context().close()
  })

  it('asks for the code of a page only when one goes there', async () => {
    const { page } = await openPage(browser)
    const asked: string[] = []
    page.on('request', request => asked.push(request.url()))
    await page.goto(`${bakery.perfloop.url}/health`)
    await settled(page)
    expect(asked.filter(url => /waterfall|overview-page|issue-page/.test(url))).toEqual([])
    await page.context().close()
  })
})

/** Pages of one kind are enough to visit once for each set of parameter names. */
function kindOfAddress(path: string): string {
  const url = new URL(path, 'http://perfloop')
  const route = url.pathname.replace(
    /^\/(statements|traces|issues|optimizations|profiles)\/.+/,
    '/$1/:id',
  )
  return `${route}?${[...url.searchParams.keys()].sort().join('&')}`
}

async function twoFrames(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>(resolve =>
        requestAnimationFrame(() => requestAnimationFrame(() => resolve())),
      ),
  )
}
