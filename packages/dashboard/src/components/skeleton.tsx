import type { ReactElement } from 'react'

/** Holds the place and the size of what is coming, so that nothing moves when it is there. */
export function Skeleton({ height }: { height: number }): ReactElement {
  return <div className="skeleton" style={{ height }} role="status" aria-label="Loading" />
}

export function SkeletonRows({ rows = 6 }: { rows?: number }): ReactElement {
  return (
    <div className="skeleton-rows" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        // Rows of a skeleton have no identity.
        <div key={row} className="skeleton" />
      ))}
    </div>
  )
}
