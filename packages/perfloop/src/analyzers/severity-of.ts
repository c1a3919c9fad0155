import type { Window } from '../analysis/analyzer.ts'
import { NS_PER_MS } from '../domain/duration.ts'
import { isAtLeast, type Severity } from '../domain/severity.ts'

interface Limits {
  readonly mediumMs: number
  readonly highMs: number
  readonly criticalMs: number
}

export interface SeverityLimits {
  readonly perHour: Limits
  readonly perExecution: Limits
}

/** In a live window by what it costs all users an hour; in a file by what it costs one execution. */
export function severityOf(
  cost: { readonly perHourNs: number; readonly perExecutionNs: number },
  window: Window,
  limits: SeverityLimits,
): Severity {
  return window.offline
    ? reached(cost.perExecutionNs / NS_PER_MS, limits.perExecution)
    : reached(cost.perHourNs / NS_PER_MS, limits.perHour)
}

function reached(ms: number, { mediumMs, highMs, criticalMs }: Limits): Severity {
  if (ms >= criticalMs) return 'critical'
  if (ms >= highMs) return 'high'
  return ms >= mediumMs ? 'medium' : 'low'
}

export function worse(a: Severity, b: Severity): Severity {
  return isAtLeast(a, b) ? a : b
}
