import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'
import { IMPATIENT, sendOrders } from './bakery.ts'
import { launchChromium, openPage, type WatchedPage } from './chromium.ts'

/** UI-03: a page that gets no news says so within this time. */
const TOLD_WITHIN_MS = 5_000

const dataDirectory = mkdtempSync(join(tmpdir(), 'perfloop-live-'))
let perfloop: PerfloopProcess
let browser: Browser
let watched: WatchedPage

beforeAll(async () => {
  ;[perfloop, browser] = await Promise.all([
    startPerfloop({ dataDirectory, env: IMPATIENT }),
    launchChromium(),
  ])
  watched = await openPage(browser)
})

afterAll(async () => {
  await browser?.close()
  await perfloop?.[Symbol.asyncDispose]()
  rmSync(dataDirectory, { recursive: true, force: true })
})

describe('the overview, left open', () => {
  it('tells a newcomer what to do, and shows the first spans without a reload', async () => {
    const { page } = watched
    await page.goto(perfloop.url)
    await page.getByText('Send your first spans').waitFor()
    await stateIs(page, 'live')
    await page.evaluate(() => Object.assign(globalThis, { neverReloaded: true }))

    await sendOrders(perfloop, 5)
    await page.locator('main [data-span-id]').first().waitFor()
    await page.locator('main .row-link', { hasText: '/orders' }).first().waitFor()
    expect(
      await page.evaluate(() => (globalThis as { neverReloaded?: boolean }).neverReloaded),
    ).toBe(true)
    expect(watched.problems).toEqual([])
  })

  it('moves its figures when more comes in', async () => {
    const { page } = watched
    const calls = () => page.locator('dl.figures').first().textContent()
    const before = await calls()
    await sendOrders(perfloop, 400)
    await expect.poll(calls, { timeout: 15_000 }).not.toBe(before)
  })

  it('says within five seconds that the server is gone, keeps what it showed, and goes on when it is back', async () => {
    const { page } = watched
    const port = Number(new URL(perfloop.url).port)
    await perfloop[Symbol.asyncDispose]()
    const goneAt = Date.now()
    await page.locator('.live[data-state=stale], .live[data-state=disconnected]').waitFor()
    expect(Date.now() - goneAt).toBeLessThan(TOLD_WITHIN_MS)
    expect(await page.locator('main .row-link', { hasText: '/orders' }).count()).toBeGreaterThan(0)

    // A page that was not open before: its own code cannot come from a server that is gone.
    const uncaught = () => watched.problems.filter(problem => problem.startsWith('uncaught'))
    await page.locator('nav a[href^="/operations"]').click()
    await page
      .getByRole('button', { name: /try again|reload/i })
      .first()
      .waitFor()
    expect(await page.locator('main').textContent()).not.toBe('')
    expect(uncaught()).toEqual([])

    perfloop = await startPerfloop({ dataDirectory, env: IMPATIENT, port })
    await stateIs(page, 'live')
    await page
      .getByRole('button', { name: /try again|reload/i })
      .first()
      .click()
    await page.locator('main .row-link', { hasText: '/orders' }).first().waitFor()
    expect(uncaught()).toEqual([])
  })
})

async function stateIs(page: Page, state: string): Promise<void> {
  await page.locator(`.live[data-state=${state}]`).waitFor()
}
