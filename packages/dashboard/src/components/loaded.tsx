import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Failure } from './failure.tsx'

/**
 * A question's answer on screen: its skeleton while there is none, its failure when there will be none.
 * An answer that could not be renewed stays, marked as old.
 */
export function Loaded<Data>({
  query,
  skeleton,
  children,
}: {
  query: UseQueryResult<Data>
  skeleton: ReactNode
  children: (data: Data) => ReactNode
}): ReactNode {
  const retry = (): void => void query.refetch()
  if (query.data === undefined) {
    return query.isError ? <Failure error={query.error} onRetry={retry} /> : skeleton
  }
  return (
    <>
      {query.isError && <Failure error={query.error} onRetry={retry} title="This may be old." />}
      {query.isPlaceholderData ? (
        <div className="renewing" aria-busy="true">
          {children(query.data)}
        </div>
      ) : (
        children(query.data)
      )}
    </>
  )
}
