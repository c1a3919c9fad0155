import type { Issue } from '@perfloop/client'

const KINDS: ReadonlySet<string> = new Set([
  'memory-leak',
  'pool-wait',
  'pool-leak',
  'event-loop-block',
])

/** It concerns a process: the page of its runtime shows it too. */
export function isOfRuntime({ kind }: Pick<Issue, 'kind'>): boolean {
  return KINDS.has(kind)
}

/** What it needs to be understood is a profile: the time goes where no span tells. */
export function isOfCode({ kind, evidence }: Pick<Issue, 'kind' | 'evidence'>): boolean {
  if (kind === 'slow-operation') return evidence.dominant_part === 'self'
  return kind === 'event-loop-block'
}
