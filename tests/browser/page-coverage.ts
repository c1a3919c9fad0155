import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'

/** Where the processes that tests start leave what they ran; see scripts/check-coverage.mjs. */
const directory = process.env.PERFLOOP_TEST_CHILD_COVERAGE
const DASHBOARD = fileURLToPath(new URL('../../packages/dashboard/dist/', import.meta.url))
const AGENT = fileURLToPath(new URL('../../packages/agent/dist/', import.meta.url))

let recorded = 0

/** From now on notes which lines of the dashboard the page runs, when `npm test` asks for it. */
export async function recordCoverage(page: Page): Promise<void> {
  if (directory === undefined) return
  await page.coverage.startJSCoverage({ resetOnNavigation: false })
  const context = page.context()
  const close = context.close.bind(context)
  context.close = async () => {
    await writeCoverage(page, directory)
    await close()
  }
}

/** Closes every context by itself first, so that each page can still tell what it ran. */
export function closeContextsFirst(browser: Browser): Browser {
  const close = browser.close.bind(browser)
  browser.close = async () => {
    for (const context of browser.contexts()) await context.close()
    await close()
  }
  return browser
}

/** Of the dashboard, or of the agent's part in pages where a test serves it below `agent-dist`. */
function fileOf(path: string): string {
  const agent = /^\/agent-dist\/(.+)$/.exec(path)?.[1]
  return agent === undefined ? `file://${DASHBOARD}${path.slice(1)}` : `file://${AGENT}${agent}`
}

async function writeCoverage(page: Page, to: string): Promise<void> {
  const entries = page.isClosed() ? [] : await page.coverage.stopJSCoverage().catch(() => [])
  const result = entries.map(({ url, functions }) => ({
    url: fileOf(new URL(url).pathname),
    functions,
  }))
  mkdirSync(to, { recursive: true })
  writeFileSync(join(to, `page-${process.pid}-${recorded++}.json`), JSON.stringify({ result }))
}
