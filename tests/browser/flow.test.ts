import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bakery, openBakery } from './bakery.ts'
import { launchChromium, openPage, type WatchedPage } from './chromium.ts'

/** How soon what one person does must be seen by another (UI-14). */
const SEEN_BY_OTHERS_MS = 2_000

let bakery: Bakery
let browser: Browser
let watched: WatchedPage

beforeAll(async () => {
  ;[bakery, browser] = await Promise.all([openBakery(), launchChromium()])
  watched = await openPage(browser)
}, 120_000)

afterAll(async () => {
  await browser?.close()
  await bakery?.[Symbol.asyncDispose]()
})

describe('somebody who found the dashboard', () => {
  it('goes from the overview to the operation, its trace and the statements of it', async () => {
    const { page } = watched
    await page.goto(bakery.perfloop.url)
    const busiest = page.getByRole('table', { name: 'Where the time goes' })
    await busiest.getByRole('link', { name: '/orders' }).click()
    await page.waitForURL(/\/operation\?/)
    await page.getByRole('link', { name: 'Slowest trace' }).click()
    await page.waitForURL(/\/traces\/[0-9a-f]{32}/)
    const tree = page.getByRole('tree', { name: 'Spans' })
    await tree.getByText('×12').waitFor()
    expect(await tree.textContent()).toContain('N+1')
    await tree.getByRole('treeitem').filter({ hasText: 'SELECT orders' }).click()
    await page.getByText('SELECT', { exact: false }).first().waitFor()
    expect(watched.problems).toEqual([])
  })

  it('acknowledges an issue after signing in, and everybody else sees it', async () => {
    const { page } = watched
    const other = await openPage(browser)
    await other.page.goto(`${bakery.perfloop.url}/issues/${bakery.issueId}`)
    await other.page.getByRole('button', { name: 'Acknowledge' }).waitFor()
    await other.page.locator('.live[data-state=live]').waitFor()

    await page.goto(`${bakery.perfloop.url}/issues`)
    await page.locator('main .row-link', { hasText: '/orders' }).first().click()
    await page.waitForURL(/\/issues\/.+/)
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByLabel(/Reason/).fill('Anna takes it')
    await dialogButton(page, 'Acknowledge').click()

    const token = page.getByLabel('Admin token')
    await token.fill('not the token')
    await dialogButton(page, 'Sign in').click()
    await page.locator('dialog[open] .failure').last().waitFor()
    await token.fill(bakery.perfloop.adminToken)
    const doneAt = Date.now()
    await dialogButton(page, 'Sign in').click()
    await statusIs(page, 'acknowledged')
    await statusIs(other.page, 'acknowledged')
    expect(Date.now() - doneAt).toBeLessThan(SEEN_BY_OTHERS_MS)
    expect(await page.locator('main').textContent()).toContain('Anna takes it')
    expect(other.problems).toEqual([])
    await other.page.context().close()
  })

  it('finds the proposed index with its proof among the optimizations', async () => {
    const { page } = watched
    await page.goto(`${bakery.perfloop.url}/optimizations`)
    await page.locator('main .row-link', { hasText: 'loaf' }).first().click()
    await page.waitForURL(/\/optimizations\/.+/)
    const main = page.locator('main')
    await main
      .getByText(/CREATE INDEX/)
      .first()
      .waitFor()
    expect(await main.textContent()).toMatch(/baker_id/)
  })
})

describe('somebody who goes back', () => {
  it('finds the list of statements as it was, not narrowed to the service of the one that was opened', async () => {
    const { page } = watched
    await page.goto(`${bakery.perfloop.url}/statements`)
    await page.locator('main .row-link').first().click()
    await page.waitForURL(/\/statements\/[0-9a-f]{16}/)
    await page.locator('main .terms').waitFor()
    await page.getByRole('link', { name: 'Statements' }).last().click()
    await expect.poll(() => headingOf(page)).toBe('Statements')
    expect(new URL(page.url()).search).toBe('')
  })

  it('is told why a trace or a statement is not there, and not that something failed', async () => {
    const page = (await openPage(browser)).page
    await page.goto(`${bakery.perfloop.url}/traces/${'a'.repeat(32)}`)
    await page.getByText('This trace is not here.').waitFor()
    const past = 'from=2020-01-01T00:00:00.000Z&to=2020-01-01T01:00:00.000Z'
    await page.goto(`${bakery.perfloop.url}/statements/${bakery.fingerprint}?${past}`)
    await page.getByText('It did not run in this range.').waitFor()
    expect(await page.locator('main .failure').count()).toBe(0)
    await page.context().close()
  })
})

describe('somebody without a mouse', () => {
  it('reaches the content first, goes to pages by letters, walks rows and opens one', async () => {
    const { page } = watched
    await page.goto(bakery.perfloop.url)
    await page.locator('main .row-link').first().waitFor()
    await page.keyboard.press('Tab')
    expect(await focusedText(page)).toMatch(/skip/i)
    await page.keyboard.press('Enter')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main')

    await page.keyboard.press('g')
    await page.keyboard.press('i')
    // The address changes first; until the page does, the rows are those of the overview.
    await expect.poll(() => headingOf(page)).toBe('Issues')
    await page.locator('main .row-link').first().waitFor()
    await page.keyboard.press('j')
    const title = await focusedText(page)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/issues\/.+/)
    await expect.poll(async () => title.includes(await headingOf(page))).toBe(true)
  })

  it('opens a dialog, stays inside it, and is back where it was after Escape', async () => {
    const { page } = watched
    await page.goto(`${bakery.perfloop.url}/issues/${bakery.issueId}`)
    const button = page.getByRole('button', { name: 'Resolve' })
    await button.focus()
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    for (let step = 0; step < 6; step++) {
      await page.keyboard.press('Tab')
      expect(
        await page.evaluate(
          () =>
            document.activeElement === document.body ||
            document.activeElement?.closest('dialog[open]') !== null,
        ),
      ).toBe(true)
    }
    await page.keyboard.press('Escape')
    await page.locator('dialog[open]').waitFor({ state: 'detached' })
    expect(await focusedText(page)).toBe('Resolve')
  })

  it('chooses a range, and is back where it was', async () => {
    const { page } = watched
    await page.goto(`${bakery.perfloop.url}/operations`)
    await page.locator('main .row-link').first().waitFor()
    const button = page.getByRole('button', { name: 'Last hour' })
    await button.focus()
    await page.keyboard.press('Enter')
    const picker = page.getByRole('dialog', { name: 'Time range' })
    await picker.waitFor()
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-pressed')))
      .toBe('true')
    expect(await picker.getByLabel('From').inputValue()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/)
    await page.keyboard.press('Escape')
    await picker.waitFor({ state: 'detached' })
    expect(await focusedText(page)).toBe('Last hour')
    await page.keyboard.press('Enter')
    await picker.waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL(/range=6h/)
    await expect.poll(() => focusedText(page)).toBe('Last 6 hours')
  })

  it('walks a trace with the arrows', async () => {
    const { page } = watched
    await page.goto(`${bakery.perfloop.url}/traces/${bakery.traceId}`)
    const tree = page.getByRole('tree', { name: 'Spans' })
    await tree.focus()
    const current = () => tree.getAttribute('aria-activedescendant')
    const first = await current()
    await page.keyboard.press('ArrowDown')
    expect(await current()).not.toBe(first)
    await page.keyboard.press('Home')
    expect(await current()).toBe(first)
  })
})

function dialogButton(page: Page, name: string) {
  return page.locator('dialog[open]').last().locator('footer').getByRole('button', { name })
}

async function statusIs(page: Page, status: string): Promise<void> {
  await page
    .locator('main .badge', { hasText: new RegExp(status, 'i') })
    .first()
    .waitFor()
}

async function headingOf(page: Page): Promise<string> {
  return (await page.locator('main h1').textContent()) ?? ''
}

async function focusedText(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent ?? '')
}
