// The five Web Vitals, by their definitions at https://web.dev/articles/vitals.

export type VitalName = 'cls' | 'inp' | 'lcp' | 'fcp' | 'ttfb'

interface Shift extends PerformanceEntry {
  readonly value: number
  readonly hadRecentInput: boolean
}

interface Interaction extends PerformanceEntry {
  readonly interactionId?: number
}

/** Session windows of layout shifts: https://web.dev/articles/cls#what_is_cls */
const WINDOW_GAP_MS = 1_000
const LONGEST_WINDOW_MS = 5_000
/** The longest interactions that are kept: of more than 500, one in 50 is left out. */
const KEPT_INTERACTIONS = 10
const INTERACTIONS_PER_OUTLIER = 50
const SHORTEST_EVENT_MS = 40
const FIRST_INPUT = -1
const MOST_COUNTED = 10_000

/** Calls back with each one, once, when it is known or when the page is left. */
export function observeVitals(tell: (name: VitalName, value: number) => void): () => void {
  // What is painted while nobody looks says nothing about what somebody waited for.
  let hiddenMs = document.visibilityState === 'hidden' ? 0 : Number.POSITIVE_INFINITY
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'hidden') hiddenMs = Math.min(hiddenMs, performance.now())
    },
    true,
  )

  let lcp: number | undefined
  const stopLcp = observe('largest-contentful-paint', entry => {
    if (entry.startTime < hiddenMs) lcp = entry.startTime
  })
  // After the first input the page changes because of the user.
  for (const input of ['keydown', 'pointerdown'])
    addEventListener(input, stopLcp, { once: true, capture: true })

  let fcp: number | undefined
  observe('paint', ({ name, startTime }) => {
    if (name === 'first-contentful-paint' && startTime < hiddenMs) fcp = startTime
  })

  let cls: number | undefined
  let windowSum = 0
  let windowStartMs = 0
  let lastMs = Number.NEGATIVE_INFINITY
  if (isSupported('layout-shift')) cls = 0
  observe('layout-shift', entry => {
    const { value, hadRecentInput, startTime } = entry as Shift
    if (hadRecentInput) return
    const isNew =
      startTime - lastMs > WINDOW_GAP_MS || startTime - windowStartMs > LONGEST_WINDOW_MS
    if (isNew) windowStartMs = startTime
    windowSum = isNew ? value : windowSum + value
    lastMs = startTime
    cls = Math.max(cls ?? 0, windowSum)
  })

  const longest = new Map<number, number>()
  const seen = new Set<number>()
  const noteInteraction = (entry: PerformanceEntry) => {
    const { interactionId, duration } = entry as Interaction
    // The first one is told however short it was.
    const id = interactionId || (entry.entryType === 'first-input' ? FIRST_INPUT : 0)
    if (id === 0) return
    if (seen.size < MOST_COUNTED) seen.add(id)
    longest.set(id, Math.max(longest.get(id) ?? 0, duration))
    if (longest.size > KEPT_INTERACTIONS) {
      const [shortest] = [...longest].sort((one, other) => one[1] - other[1])
      if (shortest !== undefined) longest.delete(shortest[0])
    }
  }
  observe('event', noteInteraction)
  observe('first-input', noteInteraction)
  const inp = () => {
    // Those too short to be told of are counted by the browser.
    const counted = (performance as { interactionCount?: number }).interactionCount ?? seen.size
    const sorted = [...longest.values()].sort((one, other) => other - one)
    const at = Math.min(sorted.length - 1, Math.floor(counted / INTERACTIONS_PER_OUTLIER))
    return sorted[at]
  }

  let isTold = false
  return () => {
    if (isTold) return
    isTold = true
    stopLcp()
    const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
    const values = { cls, inp: inp(), lcp, fcp, ttfb: navigation?.responseStart }
    for (const [name, value] of Object.entries(values)) {
      if (value !== undefined) tell(name as VitalName, value)
    }
  }
}

export function isSupported(type: string): boolean {
  return PerformanceObserver.supportedEntryTypes?.includes(type) ?? false
}

/** Also what was before; nothing where the browser does not know the type. */
export function observe(type: string, note: (entry: PerformanceEntry) => void): () => void {
  if (!isSupported(type)) return () => {}
  const take = (entries: PerformanceEntryList) => entries.forEach(note)
  const observer = new PerformanceObserver(list => take(list.getEntries()))
  observer.observe({
    type,
    buffered: true,
    durationThreshold: SHORTEST_EVENT_MS,
  } as PerformanceObserverInit)
  return () => {
    take(observer.takeRecords())
    observer.disconnect()
  }
}
