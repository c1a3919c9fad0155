import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { ListSearch } from './list-search.ts'

/** The list's filters and a way to change some of them; a new filter begins at page 1. */
export function useListSearch(): readonly [
  ListSearch,
  (change: { readonly [Name in keyof ListSearch]?: ListSearch[Name] | undefined }) => void,
] {
  const search = useSearch({ strict: false }) as ListSearch
  const navigate = useNavigate()
  const change = useCallback(
    (next: { readonly [Name in keyof ListSearch]?: ListSearch[Name] | undefined }) => {
      void navigate({
        to: '.',
        search: (before: Record<string, unknown>) => ({ ...before, page: undefined, ...next }),
        replace: 'q' in next || 'min' in next,
        resetScroll: false,
      } as never)
    },
    [navigate],
  )
  return [search, change]
}
