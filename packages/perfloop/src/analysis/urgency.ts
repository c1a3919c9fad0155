import { isAtLeast } from '../domain/severity.ts'
import type { Finding } from './analyzer.ts'

type Urgent = Pick<Finding, 'severity' | 'recoverableNsPerHour'>

/**
 * What to look at first. Severity says how bad something is in the terms of its kind: time lost by users, the share that
 * fails, how soon a process has no memory left. Recoverable time alone would put last whatever costs nobody any time yet.
 * Within a severity such things come first, since nothing else earned it; the others follow by their recoverable time.
 * `ranking` of the issues' repository is the same order in SQL.
 */
export function byUrgency(a: Urgent, b: Urgent): number {
  if (a.severity !== b.severity) return isAtLeast(a.severity, b.severity) ? -1 : 1
  const costsTime = Number(a.recoverableNsPerHour > 0) - Number(b.recoverableNsPerHour > 0)
  return costsTime === 0 ? b.recoverableNsPerHour - a.recoverableNsPerHour : costsTime
}
