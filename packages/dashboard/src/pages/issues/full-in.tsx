import type { Issue } from '@perfloop/client'
import type { ReactElement } from 'react'
import { formatDuration } from '../../format/duration.ts'

const NS_PER_SECOND = 1e9

/** What stands where time is told of an issue that costs nobody any yet: how long until it does, where that is known. */
export function FullIn({ issue }: { issue: Issue }): ReactElement | null {
  const { full_in_seconds: seconds } = issue.evidence
  if (typeof seconds !== 'number') return null
  if (seconds === 0) return <b>full</b>
  return (
    <>
      <small>full in</small> <b>{formatDuration(seconds * NS_PER_SECOND)}</b>
    </>
  )
}
