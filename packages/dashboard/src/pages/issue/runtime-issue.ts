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
