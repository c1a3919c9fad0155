import type { Issue, Optimization } from '@perfloop/client'
import type { ReactElement, ReactNode } from 'react'
import { toWords } from '../format/label.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'neutral'

export function Badge({
  tone = 'neutral',
  children,
  title,
}: {
  tone?: Tone
  children: ReactNode
  title?: string
}): ReactElement {
  return (
    <span className="badge" data-tone={tone} title={title}>
      {children}
    </span>
  )
}

const ISSUE_TONES: Readonly<Record<Issue['status'], Tone>> = {
  open: 'warn',
  reopened: 'bad',
  acknowledged: 'info',
  in_progress: 'info',
  resolved: 'good',
  ignored: 'neutral',
}

export function IssueStatus({ status }: { status: Issue['status'] }): ReactElement {
  return (
    <span className="badge dotted" data-tone={ISSUE_TONES[status]}>
      {toWords(status)}
    </span>
  )
}

const OPTIMIZATION_TONES: Readonly<Record<Optimization['status'], Tone>> = {
  proposed: 'info',
  approved: 'info',
  applying: 'warn',
  applied: 'warn',
  verifying: 'warn',
  verified: 'good',
  rolled_back: 'neutral',
  failed: 'bad',
  dismissed: 'neutral',
  manual_required: 'info',
}

export function OptimizationStatus({ status }: { status: Optimization['status'] }): ReactElement {
  return (
    <span className="badge dotted" data-tone={OPTIMIZATION_TONES[status]}>
      {toWords(status)}
    </span>
  )
}

const VERDICT_TONES: Readonly<Record<string, Tone>> = {
  improved: 'good',
  regressed: 'bad',
  no_effect: 'neutral',
  inconclusive: 'warn',
}

export function VerdictBadge({ verdict }: { verdict: string }): ReactElement {
  return (
    <span className="badge dotted" data-tone={VERDICT_TONES[verdict] ?? 'neutral'}>
      {toWords(verdict)}
    </span>
  )
}
