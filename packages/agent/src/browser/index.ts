import type { BrowserOptions } from './browser-options.ts'
import { Outbox } from './outbox.ts'
import { observeCalls } from './outgoing-calls.ts'
import { observeLoad, serverSpan } from './page-load.ts'
import { PageView, randomHex } from './page-view.ts'
import { observe, observeVitals } from './web-vitals.ts'

export type { BrowserOptions }

const MOST_LONG_TASKS = 50
const STARTED = Symbol.for('perfloop.agent.browser')

/**
 * Measures this page: how it loads and what it calls as spans of the server's trace, what blocks it, and its Web Vitals.
 * Called again it does nothing, and it never throws into the page.
 */
export function startBrowserAgent(options: BrowserOptions): void {
  const shared = globalThis as { [STARTED]?: true }
  if (shared[STARTED]) return
  shared[STARTED] = true
  try {
    measure(options)
  } catch {
    // A browser without what this needs is not measured.
  }
}

function measure(options: BrowserOptions): void {
  const outbox = new Outbox(options)
  const load = new PageView(outbox, options, 'page load', 0, serverSpan())
  let view = load
  const current = () => (view.isOpen ? view : undefined)
  observeCalls(outbox, options, current)
  observeLoad(load, outbox)
  observeNavigation(path => {
    if (path === view.path) return
    view.close()
    view = new PageView(outbox, options, 'navigation', performance.now(), undefined)
    // Until what it calls has begun.
    setTimeout(() => view.end(0), 100)
  })

  let longTasks = 0
  observe('longtask', ({ startTime, duration }) => {
    if (longTasks++ >= MOST_LONG_TASKS) return
    const { traceId, spanId, isOpen } = view
    outbox.addSpan({
      traceId: isOpen ? traceId : randomHex(16),
      spanId: randomHex(8),
      parentSpanId: isOpen ? spanId : '',
      name: 'long task',
      kind: 1,
      startMs: startTime,
      endMs: startTime + duration,
      attributes: { 'url.path': view.path },
    })
  })

  const page = randomHex(8)
  const tellVitals = observeVitals((name, value) => {
    outbox.addEvent({
      name: 'browser.web_vital',
      atMs: performance.now(),
      traceId: load.traceId,
      spanId: load.spanId,
      body: { name, value, delta: value, id: `${page}-${name}` },
      attributes: { 'url.path': load.path },
    })
  })
  const leave = () => {
    if (document.visibilityState !== 'hidden') return
    tellVitals()
    view.close()
    outbox.flush()
  }
  document.addEventListener('visibilitychange', leave)
  addEventListener('pagehide', () => {
    tellVitals()
    view.close()
    outbox.flush()
  })
}

/** Views of a single-page application. */
function observeNavigation(begin: (path: string) => void): void {
  const note = (path: string) => {
    try {
      begin(path)
    } catch {
      // The page's own function for routes may throw.
    }
  }
  for (const method of ['pushState', 'replaceState'] as const) {
    const original = history[method]
    history[method] = function (...args) {
      original.apply(this, args)
      note(location.pathname)
    }
  }
  addEventListener('popstate', () => note(location.pathname))
}
