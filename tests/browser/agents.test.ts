import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pprof } from '../agent/write-pprof.ts'
import { type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'
import { sendMetrics } from '../send-metrics.ts'
import { seedAgentPages } from './agent-pages.ts'
import { sendOrders } from './bakery.ts'
import { launchChromium, openPage } from './chromium.ts'

let perfloop: PerfloopProcess
let browser: Browser
let page: Page
let seeded: Awaited<ReturnType<typeof seedAgentPages>>

beforeAll(async () => {
  ;[perfloop, browser] = await Promise.all([startPerfloop(), launchChromium()])
  seeded = await seedAgentPages(perfloop)
  await sendOrders(perfloop, 3)
  ;({ page } = await openPage(browser))
  await page.goto(`${perfloop.url}/#token=${perfloop.adminToken}`)
  await page.waitForSelector('main h1')
})
afterAll(async () => {
  await browser?.close()
  await perfloop?.[Symbol.asyncDispose]()
})

const details = () => page.locator('.flame-details').innerText()

describe('a flame graph', () => {
  it('is walked through by the arrow keys, and zoomed by Enter', async () => {
    await page.goto(`${perfloop.url}/profiles/${seeded.profileId}`)
    const tree = page.getByRole('tree')
    await tree.focus()
    for (const key of [
      'ArrowDown',
      'ArrowDown',
      'ArrowDown',
      'ArrowRight',
      'ArrowLeft',
      'ArrowDown',
    ]) {
      await page.keyboard.press(key)
    }
    expect(await details()).toContain('renderOrders')
    const shown = page.getByRole('treeitem', { name: /^renderOrders/ })
    const narrow = (await shown.boundingBox())?.width ?? 0
    await page.keyboard.press('Enter')
    const whole = (await tree.boundingBox())?.width ?? 0
    // A key is told to the page in its own time.
    const width = async () => (await shown.boundingBox())?.width
    await expect.poll(width).toBeGreaterThan(whole - 5)
    expect(narrow).toBeLessThan(whole / 2)
    await page.keyboard.press('Escape')
    await expect.poll(width).toBeCloseTo(narrow, 0)
  })

  it('tells the share of what is searched for', async () => {
    await page.getByRole('searchbox').fill('pg-')
    await page.getByText('14.5 % in matching functions').waitFor()
  })
})

describe('a profile that is taken', () => {
  it('is shown step by step as the stream tells it, and saved as a file', async () => {
    const { agent, runningId } = seeded
    await page.goto(`${perfloop.url}/profiles/${runningId}`)
    const step = page.locator('.profile-steps [aria-current=step]')
    await step.getByText('requested').waitFor()
    const door = `${perfloop.otlpHttpUrl}/agent/v1`
    // Less than the page asks by itself.
    const soon = { timeout: 4_000 }
    await fetch(`${door}/settings?agent=${agent}`)
    await step.getByText('recording').waitFor(soon)
    await fetch(`${door}/profiles?agent=${agent}&request=${runningId}`, {
      method: 'POST',
      body: new Uint8Array(pprof({ 'main;bake': 7 })),
    })
    const save = page.getByRole('link', { name: 'Download pprof' })
    await save.waitFor(soon)
    const saving = page.waitForEvent('download')
    await save.click()
    expect((await saving).suggestedFilename()).toMatch(/^bakery-cpu-\d{8}T\d{6}Z\.pb\.gz$/)
  })
})

describe('the runtime of a service', () => {
  const memory = () =>
    page.locator('.figure', { has: page.getByText('Memory') }).locator('.figure-value')

  it('is reached from its agent, and shows one process of several', async () => {
    await page.goto(`${perfloop.url}/agents`)
    await page.getByRole('link', { name: 'CPU, memory, event loop' }).click()
    await page.getByRole('heading', { name: 'Runtime of bakery' }).waitFor()
    const instance = page.getByLabel('Instance')
    expect(await instance.inputValue()).toBe('oven-4711')
    await page.getByText('1 instance', { exact: true }).waitFor()
    await instance.selectOption('All instances (2)')
    await page.getByText('2 instances').waitFor()
    expect(new URL(page.url()).searchParams.has('instance')).toBe(false)
  })

  it('tells its numbers as a table too, for every chart', async () => {
    const heap = page.locator('.panel', { has: page.getByRole('heading', { name: 'Heap in use' }) })
    await heap.getByRole('button', { name: 'Table' }).click()
    expect(await heap.getByRole('columnheader').allTextContents()).toEqual([
      'Time',
      'new space',
      'old space',
    ])
  })

  it('changes by itself when a process tells something new', async () => {
    await memory().waitFor()
    await sendMetrics(
      perfloop,
      {
        'service.name': 'bakery',
        'deployment.environment.name': 'development',
        'service.instance.id': 'oven-4713',
      },
      [
        {
          name: 'process.memory.usage',
          unit: 'By',
          kind: 'updown',
          points: [{ atMs: Date.now(), value: 5 * 2 ** 30 }],
        },
      ],
    )
    await page.getByText('3 instances').waitFor()
    expect(await memory().textContent()).toMatch(/^5\.\d+ GiB$/)
  })

  it('says what to do where nobody tells', async () => {
    await page.goto(`${perfloop.url}/runtime?svc=nobody`)
    await page.getByText('No process told of itself in this range.').waitFor()
    expect(await page.getByRole('link', { name: 'Send data' }).count()).toBe(2)
  })
})

describe('coverage', () => {
  it('shows what was never called', async () => {
    await page.goto(`${perfloop.url}/coverage`)
    await page.getByRole('link', { name: 'GET /orders' }).waitFor()
    await page.getByRole('button', { name: /Never called/ }).click()
    await page.getByRole('link', { name: 'GET /orders' }).waitFor({ state: 'detached' })
    const rows = await page
      .getByRole('table', { name: 'Routes' })
      .locator('tbody tr')
      .allInnerTexts()
    expect(rows.map(row => row.split('\t')[0]?.trim()).sort()).toEqual([
      'ALL /admin',
      'DELETE /orders/:order',
      'GET /loaves',
      'POST /orders',
    ])
  })
})

describe('the knobs of an agent', () => {
  it('are turned within their bounds, and put back', async () => {
    await page.goto(`${perfloop.url}/agents`)
    await page.getByRole('button', { name: 'Turn http.max_sockets' }).click()
    const value = page.getByRole('spinbutton')
    await value.fill('500')
    await page.getByRole('button', { name: 'Turn it' }).click()
    expect(await value.evaluate((input: HTMLInputElement) => input.validity.valid)).toBe(false)
    expect(await value.getAttribute('step')).toBe('1')
    await value.fill('50.5')
    expect(await value.evaluate((input: HTMLInputElement) => input.validity.stepMismatch)).toBe(
      true,
    )
    await value.fill('50')
    await page.getByRole('button', { name: 'Turn it' }).click()
    await page.getByRole('button', { name: 'Put http.max_sockets back' }).click()
    await page.getByRole('button', { name: 'Put it back' }).click()
    await page.getByRole('button', { name: 'Put http.max_sockets back' }).waitFor({
      state: 'detached',
    })
  })
})
