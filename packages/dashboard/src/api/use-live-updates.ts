import type { LiveEvent, LiveState } from '@perfloop/client'
import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useEffect, useSyncExternalStore } from 'react'
import { DEFAULT_RANGE, toTimeRange } from '../scope/time-range.ts'
import { liveFeed } from './live-feed.ts'
import { overviewQuery } from './queries.ts'

export function useLiveState(): LiveState {
  return useSyncExternalStore(liveFeed.subscribeState, liveFeed.state)
}

/** Pushed news into the query cache: snapshots replace, changes make their lists ask anew. */
export function useLiveUpdates(): void {
  const queries = useQueryClient()
  useEffect(() => {
    // The first snapshot is what the pages have just asked for; a later one follows a gap, and much may be missed.
    const begun = new Set<string>()
    return liveFeed.onEvent(event => {
      takeIn(queries, event, begun.has(event.topic))
      begun.add(event.topic)
    })
  }, [queries])
}

function takeIn(queries: QueryClient, event: LiveEvent, hasBegun: boolean): void {
  switch (event.topic) {
    case 'overview': {
      const { from, to } = toTimeRange({ range: DEFAULT_RANGE })
      const ask = { from, to, environment: undefined, service: undefined }
      queries.setQueryData(overviewQuery(ask).queryKey, event.overview)
      return
    }
    case 'health':
      queries.setQueryData(['health'], event.health)
      return
    case 'issues':
      if (event.snapshot && !hasBegun) return
      void queries.invalidateQueries({ queryKey: ['issues'] })
      for (const { id } of event.issues) {
        void queries.invalidateQueries({ queryKey: ['issue', id] })
      }
      return
    case 'optimizations':
      if (event.snapshot && !hasBegun) return
      void queries.invalidateQueries({ queryKey: ['optimizations'] })
      for (const { id } of event.optimizations) {
        void queries.invalidateQueries({ queryKey: ['optimization', id] })
      }
      return
    case 'profiles':
      if (event.snapshot && !hasBegun) return
      void queries.invalidateQueries({ queryKey: ['profiles'] })
      for (const { id } of event.profiles) {
        void queries.invalidateQueries({ queryKey: ['profile', id] })
      }
      return
    case 'runtime':
    case 'spans':
      return
  }
}
