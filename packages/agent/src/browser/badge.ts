// The development badge: what this page and its later calls have cost the server, read from `Server-Timing`.

interface Cost {
  readonly what: string
  readonly totalMs: number
  readonly statements: string
  readonly databaseMs: number
  readonly repeated: number
  readonly traceId: string
}

const MOST_SHOWN = 12
const CALLS = new Set(['fetch', 'xmlhttprequest'])
/** Above it, a request is told in red. */
const SLOW_MS = 500

const STYLE = `
:host { all: initial; position: fixed; right: 12px; bottom: 12px; z-index: 2147483647; }
section { font: 12px/1.5 system-ui, sans-serif; color: #f4f4f5; background: #18181b; border: 1px solid #3f3f46;
  border-radius: 8px; padding: 4px 8px; max-width: 420px; box-shadow: 0 2px 8px #0006; }
button { all: unset; cursor: pointer; padding: 0 4px; border-radius: 4px; }
button:focus-visible, a:focus-visible { outline: 2px solid #a5b4fc; }
ul { list-style: none; margin: 4px 0 0; padding: 0; max-height: 40vh; overflow: auto; }
li { display: flex; gap: 8px; padding: 1px 4px; }
a { color: #a5b4fc; flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bad { color: #fca5a5; }
[hidden] { display: none; }`

const dashboard = (document.currentScript as HTMLScriptElement | null)?.dataset.dashboard ?? ''
const costs: Cost[] = []

function costOf(entry: PerformanceResourceTiming, what: string): Cost | undefined {
  const find = (name: string) => entry.serverTiming?.find(timing => timing.name === name)
  const traceId = /^..-([0-9a-f]{32})-/.exec(find('traceparent')?.description ?? '')?.[1]
  if (traceId === undefined) return undefined
  const database = find('db')
  return {
    what,
    traceId,
    totalMs: find('total')?.duration ?? 0,
    statements: database?.description ?? '0 statements',
    databaseMs: database?.duration ?? 0,
    repeated: Number(find('repeated')?.description ?? 0),
  }
}

function textOf({ totalMs, statements, databaseMs, repeated }: Cost): string {
  const database = databaseMs > 0 ? ` in ${Math.round(databaseMs)} ms` : ''
  const warning = repeated > 0 ? ` · one repeated ${repeated}×` : ''
  return `${Math.round(totalMs)} ms · ${statements}${database}${warning}`
}

function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  text: string,
  isBad = false,
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  element.textContent = text
  if (isBad) element.className = 'bad'
  return element
}

const isBad = ({ totalMs, repeated }: Cost) => totalMs > SLOW_MS || repeated > 0

function show(): void {
  const host = document.createElement('perfloop-badge')
  const root = host.attachShadow({ mode: 'open' })
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(STYLE)
  // Neither an inline style nor inline HTML: a page's policy may forbid both.
  root.adoptedStyleSheets = [sheet]
  const section = make('section', '')
  section.setAttribute('aria-label', 'Perfloop: what the requests of this page cost')
  const summary = make('button', '')
  const close = make('button', '×')
  close.setAttribute('aria-label', 'Hide')
  const list = make('ul', '')
  list.hidden = true
  summary.setAttribute('aria-expanded', 'false')
  summary.addEventListener('click', () => {
    list.hidden = !list.hidden
    summary.setAttribute('aria-expanded', String(!list.hidden))
  })
  close.addEventListener('click', () => host.remove())
  section.append(summary, close, list)
  root.append(section)

  const draw = () => {
    const last = costs.at(-1)
    if (last === undefined) return
    summary.textContent = textOf(last)
    summary.className = costs.some(isBad) ? 'bad' : ''
    list.replaceChildren(
      ...costs.map(cost => {
        const item = make('li', '')
        const link = make('a', cost.what)
        link.href = `${dashboard}/traces/${cost.traceId}`
        link.target = '_blank'
        link.rel = 'noopener'
        item.append(link, make('span', textOf(cost), isBad(cost)))
        return item
      }),
    )
    // A framework that owns the body may have taken it away.
    if (!host.isConnected && !isClosed) document.documentElement.append(host)
  }
  let isClosed = false
  close.addEventListener('click', () => {
    isClosed = true
  })

  const take = (entry: PerformanceResourceTiming, what: string) => {
    const cost = costOf(entry, what)
    if (cost === undefined) return
    costs.push(cost)
    if (costs.length > MOST_SHOWN) costs.shift()
    draw()
  }
  const [page] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  if (page !== undefined) take(page, location.pathname)
  new PerformanceObserver(seen => {
    for (const entry of seen.getEntries() as PerformanceResourceTiming[]) {
      if (CALLS.has(entry.initiatorType)) take(entry, new URL(entry.name).pathname)
    }
  }).observe({ type: 'resource', buffered: true })
}

if (document.querySelector('perfloop-badge') === null) show()
