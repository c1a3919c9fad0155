import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { closeContextsFirst, recordCoverage } from './page-coverage.ts'

const INSTALLED = '/usr/bin/chromium'
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

/** The machine's Chromium, or else the one that an npm package brings along. */
export async function launchChromium(): Promise<Browser> {
  if (existsSync(INSTALLED)) {
    return closeContextsFirst(await chromium.launch({ executablePath: INSTALLED, args: FLAGS }))
  }
  const { default: packaged } = await import('@sparticuz/chromium')
  return closeContextsFirst(
    await chromium.launch({
      executablePath: await packaged.executablePath(),
      args: [...packaged.args.filter(flag => !flag.startsWith('--headless')), ...FLAGS],
    }),
  )
}

export interface WatchedPage {
  readonly page: Page
  /** Uncaught errors, console errors and refusals of the content security policy, in order. */
  readonly problems: string[]
  /** Cumulative layout shift since the last navigation, as web-vitals counts it: the worst session window. */
  layoutShift(): Promise<number>
}

/** A page of a browser of its own (cookies, storage) that notes what a developer would see in the console. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
    ...options,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  await recordCoverage(page)
  const problems: string[] = []
  page.on('pageerror', error => problems.push(`uncaught: ${error.message}`))
  page.on('console', message => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`)
  })
  await page.addInitScript(() => {
    const shifts: { value: number; startTime: number }[] = []
    Object.assign(globalThis, { layoutShifts: shifts })
    new PerformanceObserver(list => {
      for (const entry of list.getEntries()) {
        const { value, hadRecentInput } = entry as PerformanceEntry & {
          value: number
          hadRecentInput: boolean
        }
        if (!hadRecentInput) shifts.push({ value, startTime: entry.startTime })
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
  return {
    page,
    problems,
    async layoutShift() {
      const shifts = await page.evaluate(
        () =>
          (globalThis as unknown as { layoutShifts: { value: number; startTime: number }[] })
            .layoutShifts,
      )
      return worstSessionWindow(shifts)
    },
  }
}

/** https://web.dev/articles/cls: shifts less than 1 s apart, 5 s at most, count as one; the worst such window. */
function worstSessionWindow(shifts: readonly { value: number; startTime: number }[]): number {
  let worst = 0
  let sum = 0
  let first = Number.NEGATIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const { value, startTime } of shifts) {
    const isNewWindow = startTime - last > 1_000 || startTime - first > 5_000
    if (isNewWindow) first = startTime
    sum = isNewWindow ? value : sum + value
    last = startTime
    worst = Math.max(worst, sum)
  }
  return worst
}
