import { type ReactElement, useSyncExternalStore } from 'react'
import { formatAgo, formatInstant, formatInstantFully } from '../format/instant.ts'

/** An instant with everything in its tooltip. */
export function Instant({ at }: { at: string | null | undefined }): ReactElement {
  if (at === null || at === undefined) return <span>–</span>
  return (
    <time dateTime={at} title={formatInstantFully(at)}>
      {formatInstant(at)}
    </time>
  )
}

export function Ago({ at }: { at: string | null | undefined }): ReactElement {
  const nowMs = useSyncExternalStore(subscribeSlowClock, readSlowClock)
  if (at === null || at === undefined) return <span>never</span>
  return (
    <time dateTime={at} title={formatInstantFully(at)}>
      {formatAgo(at, nowMs)}
    </time>
  )
}

const TICK_MS = 10_000
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/** One timer for every "… ago" on the page, and none when there is none. */
function subscribeSlowClock(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    for (const tick of listeners) tick()
  }, TICK_MS)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

function readSlowClock(): number {
  return Math.floor(Date.now() / TICK_MS) * TICK_MS + TICK_MS / 2
}
