import type { Values } from './otlp-json.ts'
import type { Outbox } from './outbox.ts'
import { type PageView, randomHex } from './page-view.ts'

const MOST_RESOURCES = 50
/** `fetch` and XMLHttpRequest have spans of their own. */
const CALLS = new Set(['fetch', 'xmlhttprequest', 'beacon'])

export function navigationEntry(): PerformanceNavigationTiming | undefined {
  return performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming | undefined
}

/** The server's span for this page: from `Server-Timing`, or from a `<meta name="traceparent">` in the page. */
export function serverSpan(): { traceId: string; spanId: string } | undefined {
  const timing = navigationEntry()?.serverTiming?.find(({ name }) => name === 'traceparent')
  const meta = document.querySelector<HTMLMetaElement>('meta[name=traceparent]')
  const found = /^..-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(
    timing?.description ?? meta?.content ?? '',
  )
  return found === null ? undefined : { traceId: found[1] ?? '', spanId: found[2] ?? '' }
}

/** How the page was loaded, once it is: the document, and what it brought along. */
export function observeLoad(view: PageView, outbox: Outbox): void {
  const tell = () => {
    const entry = navigationEntry()
    if (entry === undefined) return view.end(performance.now())
    call(view, outbox, 'document', entry)
    const resources = performance.getEntriesByType('resource') as PerformanceResourceTiming[]
    resources
      .filter(({ initiatorType, startTime }) => {
        return !CALLS.has(initiatorType) && startTime <= entry.loadEventEnd
      })
      .slice(0, MOST_RESOURCES)
      .forEach(resource => {
        call(view, outbox, 'resource', resource)
      })
    view.end(entry.loadEventEnd, {
      'browser.navigation.type': entry.type,
      'http.response.status_code': entry.responseStatus || undefined,
      'browser.time_to_first_byte': entry.responseStart,
      'browser.dom_interactive': entry.domInteractive,
      'browser.dom_content_loaded': entry.domContentLoadedEventEnd,
      'browser.first_contentful_paint':
        performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
    })
  }
  // The end of the load event is known after it.
  if (document.readyState === 'complete') setTimeout(tell)
  else window.addEventListener('load', () => setTimeout(tell))
}

function call(
  view: PageView,
  outbox: Outbox,
  what: string,
  entry: PerformanceResourceTiming,
): void {
  const url = new URL(entry.name, location.href)
  const size: Values =
    entry.transferSize > 0 ? { 'http.response.body.size': entry.encodedBodySize } : {}
  outbox.addSpan({
    traceId: view.traceId,
    spanId: randomHex(8),
    parentSpanId: view.spanId,
    name: what === 'document' ? 'document' : `${what} ${entry.initiatorType}`,
    kind: 1,
    startMs: entry.fetchStart,
    endMs: entry.responseEnd,
    attributes: { 'url.full': url.origin + url.pathname, ...size },
  })
}
