import type { BrowserOptions } from './browser-options.ts'
import type { Outbox } from './outbox.ts'
import { type PageView, randomHex } from './page-view.ts'

interface Call {
  readonly url: URL
  readonly spanId: string
  readonly traceparent: string
  end(status: number, error: string | undefined): void
}

/** Calls of the page, each below the view that is open, and above what the server does for it. */
export function observeCalls(
  outbox: Outbox,
  options: BrowserOptions,
  currentView: () => PageView | undefined,
): void {
  const origins = new Set([location.origin, ...(options.traceOrigins ?? [])])
  const endpoint = new URL(options.endpoint, location.href).origin

  const begin = (method: string, asked: string): Call | undefined => {
    const url = new URL(asked, location.href)
    if (url.origin === endpoint && /\/v1\/\w+$/.test(url.pathname)) return undefined
    if (!/^https?:$/.test(url.protocol)) return undefined
    const view = currentView()
    const traceId = view?.traceId ?? randomHex(16)
    const spanId = randomHex(8)
    const startMs = performance.now()
    view?.begin()
    let isOver = false
    return {
      url,
      spanId,
      traceparent: `00-${traceId}-${spanId}-01`,
      end(status, error) {
        if (isOver) return
        isOver = true
        const endMs = performance.now()
        view?.end(endMs)
        const name = method.toUpperCase()
        outbox.addSpan({
          traceId,
          spanId,
          parentSpanId: view?.spanId ?? '',
          name,
          kind: 3,
          startMs,
          endMs,
          isError: error !== undefined || status >= 400,
          attributes: {
            'http.request.method': name,
            'url.full': url.origin + url.pathname,
            'server.address': url.hostname,
            'http.response.status_code': status || undefined,
            'error.type': error ?? (status >= 400 ? String(status) : undefined),
          },
        })
      },
    }
  }
  const carries = ({ url }: Call) => origins.has(url.origin)
  wrapFetch(begin, carries)
  wrapRequests(begin, carries)
}

type Begin = (method: string, url: string) => Call | undefined

function wrapFetch(begin: Begin, carries: (call: Call) => boolean): void {
  const original = window.fetch
  window.fetch = function (...args) {
    const [input, init] = args
    let call: Call | undefined
    let sent = args
    let lent: Headers | undefined
    try {
      const request = input instanceof Request ? input : undefined
      call = begin(init?.method ?? request?.method ?? 'GET', request?.url ?? String(input))
      if (call !== undefined && carries(call)) {
        const own = init === undefined ? request?.headers : undefined
        const headers = own ?? new Headers(init?.headers ?? request?.headers)
        if (!headers.has('traceparent')) {
          headers.set('traceparent', call.traceparent)
          // With options beside it, a request loses its referrer: it has the header itself while it is sent.
          if (own !== undefined) lent = own
          else if (isPlain(init)) sent = [input, { ...init, headers }]
        }
      }
    } catch {
      // Whatever it is that is fetched: the page gets its own answer, or its own error.
      sent = args
    }
    const answer = original.apply(this, sent)
    lent?.delete('traceparent')
    if (call === undefined) return answer
    const { end } = call
    // The page gets the promise that follows, so that a failure that nobody waits for is still told of.
    return answer.then(
      response => {
        end(response.status, undefined)
        return response
      },
      (error: unknown) => {
        end(0, error instanceof Error ? error.name : 'error')
        throw error
      },
    )
  }
}

/** What has its values from a class, such as another `Request`, cannot be copied. */
function isPlain(init: object | undefined): boolean {
  return init === undefined || Object.getPrototypeOf(init) === Object.prototype
}

function wrapRequests(begin: Begin, carries: (call: Call) => boolean): void {
  const { prototype } = XMLHttpRequest
  const { open, send, setRequestHeader } = prototype
  const opened = new WeakMap<
    XMLHttpRequest,
    { method: string; url: string; hasOwnTrace: boolean }
  >()
  prototype.open = function (this: XMLHttpRequest, ...args: unknown[]) {
    opened.set(this, { method: String(args[0]), url: String(args[1]), hasOwnTrace: false })
    return (open as (...args: unknown[]) => void).apply(this, args)
  }
  // A header that is set twice has both values.
  prototype.setRequestHeader = function (...args) {
    const asked = opened.get(this)
    if (asked !== undefined && /^traceparent$/i.test(args[0])) asked.hasOwnTrace = true
    return setRequestHeader.apply(this, args)
  }
  prototype.send = function (...args) {
    try {
      const asked = opened.get(this)
      const call = asked && begin(asked.method, asked.url)
      if (call !== undefined) {
        if (carries(call) && !asked?.hasOwnTrace) {
          setRequestHeader.call(this, 'traceparent', call.traceparent)
        }
        this.addEventListener('loadend', () => {
          call.end(this.status, this.status === 0 ? 'error' : undefined)
        })
      }
    } catch {
      // As above.
    }
    return send.apply(this, args)
  }
}
