import { useRouterState, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import { type ScopeSearch, type TimeRange, toTimeRange } from './time-range.ts'

export interface Scope {
  readonly range: TimeRange
  readonly environment: string | undefined
  readonly service: string | undefined
  /** As the API takes it. */
  readonly ask: {
    readonly from: string
    readonly to: string | undefined
    readonly environment: string | undefined
    readonly service: string | undefined
  }
}

export function useScope(): Scope {
  const { range, from, to, env, svc } = useSearch({ from: '__root__' }) as ScopeSearch
  return useMemo(() => {
    const timeRange = toTimeRange({ range, from, to })
    return {
      range: timeRange,
      environment: env,
      service: svc,
      ask: { from: timeRange.from, to: timeRange.to, environment: env, service: svc },
    }
  }, [range, from, to, env, svc])
}

/** The path alone: for what changes with the page but not with its filters. */
export function usePath(): string {
  return useRouterState({ select: state => state.location.pathname })
}
