import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { NS_PER_MS } from '../../domain/duration.ts'
import { RepeatedReadOptions } from '../../settings/analyzers.ts'
import { repeatedReads } from '../../store/telemetry/queries/repeated-reads.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { secondsOf } from '../evidence-window.ts'
import { statementPart } from '../statement-finding.ts'
import { hasPlaceholder, isRead } from '../statement-text.ts'
import {
  averageNs,
  executionWord,
  formatCount,
  formatDuration,
  formatPercent,
  statementName,
} from '../words.ts'

type Options = z.output<typeof RepeatedReadOptions>
type RepeatedRead = RowOf<typeof repeatedReads>

/** The same question again and again, while nobody changes what it is about. */
export const repeatedRead = defineAnalyzer({
  kind: 'repeated-read',
  title: 'Missing cache',
  description:
    'A read that many requests issue with the same parameters within seconds, of tables that nobody writes to meanwhile, and that costs enough to be worth keeping.',
  options: RepeatedReadOptions,
  evidence: repeatedReads,

  ask: (window, options) => ({
    ...secondsOf(window),
    kept_ns: BigInt(options.keptMs * NS_PER_MS),
    max_rows: options.maxRows,
    max_spans: options.maxSpans,
  }),

  // It explains no other finding, so nothing waits for it.
  restMs: options => options.restMs,

  judge(rows, window, options) {
    // How often something is asked a second is not in a file.
    if (window.offline) return []
    return rows
      .filter(row => isSameEachTime(row) && isWorthKeeping(row, window, options))
      .map(row => toFinding(row, window, options))
  },
})

/** What answers differently each time by intent. */
const VOLATILE =
  /\b(?:now|random|rand|uuid|gen_random_uuid|nextval|clock_timestamp|statement_timestamp|sysdate|getdate|pg_sleep|sleep|current_timestamp|current_time|current_date|localtime|localtimestamp|curdate|curtime|unix_timestamp|utc_timestamp|newid|getutcdate|sysdatetime|transaction_timestamp|current_setting|current_user|session_user|last_insert_id|lastval|currval|found_rows)\b|\bfor\s+(?:no\s+key\s+)?(?:update|share)\b/i

/** What writes within a common table expression, and tells of it. */
const WRITES = /\b(?:insert\s+into|delete\s+from|merge\s+into|update\s.*\sset)\b/is

function isSameEachTime(row: RepeatedRead): boolean {
  if (!isRead(row.verb) || WRITES.test(row.text)) return false
  // A statement without tables only asks whether somebody is there.
  if (row.models.length === 0 || row.written.length > 0 || VOLATILE.test(row.text)) return false
  return row.parameters_known === 1 || !hasPlaceholder(row.text)
}

function isWorthKeeping(row: RepeatedRead, window: Window, options: Options): boolean {
  const windowNs = Number(window.toUnixNs - window.fromUnixNs)
  return (
    executionWord(row.kind) === 'request' &&
    row.seen_calls >= options.minCalls &&
    row.seen_calls <= row.executions * options.maxCallsPerExecution &&
    row.repeated_ratio >= options.minRepeatedRatio &&
    averageNs(row.duration_ns, row.calls) >= options.minMeanMs * NS_PER_MS &&
    row.repeated_ns >= options.minBusyRatio * windowNs
  )
}

function toFinding(row: RepeatedRead, window: Window, options: Options): Finding {
  const statement = statementName(row.summary, row.text)
  const kept = formatDuration(options.keptMs * NS_PER_MS)
  const tables = row.models.join(', ')
  const windowNs = Number(window.toUnixNs - window.fromUnixNs)
  return {
    ...statementPart(row, row.repeated_ns, window, options.severity),
    title: `${row.operation} asks for ${statement} ${formatCount(row.calls)} times, and ${formatPercent(row.repeated_ratio)} of the answers were there already`,
    description: `Within ${formatDuration(windowNs)} it ran ${formatCount(row.calls)} times, ${formatDuration(averageNs(row.duration_ns, row.calls))} each, with ${formatCount(row.distinct_parameters)} different parameters, and nobody that is watched wrote to ${tables}. An answer kept for ${kept} would have served ${formatPercent(row.repeated_ratio)} of the calls. Keep it in the process or in a cache, by its parameters (and by user, where what may be seen depends on who asks), for as long as being late does no harm, and drop it where ${tables} is written. Or let clients keep the whole answer: Cache-Control with max-age or an ETag.`,
    // Somebody who is not watched may write.
    confidence: 0.7 * (1 - 1 / (1 + row.seen_calls)),
    // Without the index that it lacks it might not be worth keeping.
    symptom: { of: 'statement', timeNs: row.duration_ns },
    evidence: {
      calls: row.calls,
      mean_ns: averageNs(row.duration_ns, row.calls),
      total_ns: row.duration_ns,
      distinct_parameters: row.distinct_parameters,
      expected_hit_ratio: row.repeated_ratio,
      kept_ns: options.keptMs * NS_PER_MS,
      repeated_ns: row.repeated_ns,
      operations: row.operations,
      operation_ratio: row.operation_ratio,
      tables: row.models,
      dialect: row.dialect,
    },
  }
}
