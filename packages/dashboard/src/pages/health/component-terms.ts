import type { ComponentHealth } from '@perfloop/client'
import { formatDuration } from '../../format/duration.ts'
import { formatEvidence } from '../../format/evidence-value.ts'
import { evidenceLabel, toWords } from '../../format/label.ts'
import { plural } from '../../format/number.ts'

/** What each part of Perfloop is for, to whoever has not read how it is built. */
export const PURPOSES: Readonly<Record<string, string>> = {
  receiver: 'takes telemetry in',
  spool: 'what was acknowledged, on disk',
  loader: 'from the spool to the store',
  store: 'telemetry',
  control: 'issues, targets, settings',
  analysis: 'looks for issues',
  optimizer: 'proposes, proves, verifies',
  retention: 'forgets what is old',
  disk: 'where the data is',
}

const LABELS: Readonly<Record<string, string>> = {
  acknowledgement_p50_ms: 'Acknowledged in, p50',
  acknowledgement_p99_ms: 'Acknowledged in, p99',
  answer_ms: 'Answers in',
  bytes: 'Holds',
  limit_bytes: 'At most',
  oldest_ms: 'Oldest has waited',
  rows_per_second: 'Rows loaded',
}

const LAST = /^(.+)_last_ms$/

/** A component's numbers in words: of each stage that repeats, its runs, its faults and its last time in one. */
export function componentTerms(
  numbers: ComponentHealth['numbers'],
): readonly { readonly term: string; readonly value: string }[] {
  const stages = Object.keys(numbers).flatMap(key => LAST.exec(key)?.[1] ?? [])
  const isOfStage = (key: string): boolean =>
    stages.some(stage => key === `${stage}_runs` || key === `${stage}_faults`)
  return Object.entries(numbers)
    .filter(([key]) => !isOfStage(key))
    .map(([key, value]) => {
      const stage = LAST.exec(key)?.[1]
      if (stage === undefined) {
        return { term: LABELS[key] ?? evidenceLabel(key), value: formatEvidence(key, value) }
      }
      const faults = numbers[`${stage}_faults`] ?? 0
      const failed = faults === 0 ? '' : `, ${plural(faults, 'fault')}`
      return {
        term: toWords(stage),
        value: `${plural(numbers[`${stage}_runs`] ?? 0, 'run')}${failed}, the last took ${formatDuration(value * 1e6)}`,
      }
    })
}
