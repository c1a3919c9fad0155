import type { ReactElement } from 'react'
import { Skeleton } from '../components/skeleton.tsx'

export function PendingPage(): ReactElement {
  return (
    <div className="page">
      <Skeleton height={48} />
      <Skeleton height={220} />
      <Skeleton height={320} />
    </div>
  )
}
