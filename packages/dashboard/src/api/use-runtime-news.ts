import type { RuntimeInstance } from '@perfloop/client'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { liveFeed } from './live-feed.ts'

const KEYS: ReadonlySet<unknown> = new Set([
  'runtime',
  'runtimes',
  'runtime-services',
  'event-loop-blocks',
])
/** Many instances tell at different times: the charts of all of them need not be drawn for each. */
const RENEW_PAUSE_MS = 3_000
/**
 * The server may give the answer it had while it makes a new one behind it: who asks again after this long gets that.
 */
const ASK_AGAIN_MS = 1_500

/** While somebody looks: what a process has told since is asked for as soon as it is there. */
export function useRuntimeNews(isOver: boolean): void {
  const queries = useQueryClient()
  useEffect(() => {
    if (isOver) return undefined
    let told: string | undefined
    let renewedMs = Number.NEGATIVE_INFINITY
    let again: ReturnType<typeof setTimeout> | undefined
    const renew = () =>
      queries.invalidateQueries({ predicate: ({ queryKey }) => KEYS.has(queryKey[0]) })
    const stop = liveFeed.onRuntime(instances => {
      const newest = latestOf(instances)
      told ??= newest
      if (newest === told || performance.now() - renewedMs < RENEW_PAUSE_MS) return
      told = newest
      renewedMs = performance.now()
      void renew()
      clearTimeout(again)
      again = setTimeout(() => void renew(), ASK_AGAIN_MS)
    })
    return () => {
      clearTimeout(again)
      stop()
    }
  }, [queries, isOver])
}

function latestOf(instances: readonly RuntimeInstance[]): string {
  return instances.reduce((newest, { last_seen: seen }) => (seen > newest ? seen : newest), '')
}
