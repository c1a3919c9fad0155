import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { NS_PER_MS } from '../../domain/duration.ts'
import { LargeResultOptions } from '../../settings/analyzers.ts'
import { statementCosts } from '../../store/telemetry/queries/statement-costs.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { enough, secondsOf } from '../evidence-window.ts'
import { costEvidence, statementPart } from '../statement-finding.ts'
import { isRead } from '../statement-text.ts'
import { averageNs, executionWord, formatCount, formatDuration, statementName } from '../words.ts'

type Options = z.output<typeof LargeResultOptions>
type StatementCost = RowOf<typeof statementCosts>

/** Rows by the thousand for one request: nobody reads so many. */
export const largeResult = defineAnalyzer({
  kind: 'large-result',
  title: 'Large result',
  description:
    'A statement that returns thousands of rows to a request each time: a list without pages, or rows that the application counts and filters itself. Needs an instrumentation that tells rows.',
  options: LargeResultOptions,
  evidence: statementCosts,

  ask: (window, options) => ({
    ...secondsOf(window),
    limits_ns: [],
    max_rows: options.maxRows,
    max_spans: options.maxSpans,
  }),

  judge(rows, window, options) {
    return rows.flatMap(row => {
      const returned = row.request_rows_median ?? 0
      const isEnough = row.seen_calls >= enough(options.minCalls, window)
      return isOfRequests(row) &&
        isEnough &&
        returned >= options.minRows &&
        isWorthwhile(row, window, options)
        ? [toFinding(row, returned, window, options)]
        : []
    })
  },
})

/** Rows of a write are those it changed; and a job that reads all of a table does what it is for. */
function isOfRequests(row: StatementCost): boolean {
  return isRead(row.verb) && executionWord(row.kind) === 'request'
}

/** What takes next to no time is also no reason for anything else to be slow. */
function isWorthwhile(row: StatementCost, window: Window, options: Options): boolean {
  const windowNs = Number(window.toUnixNs - window.fromUnixNs)
  return (
    averageNs(row.duration_ns, row.calls) >= options.minMeanMs * NS_PER_MS &&
    // How often it runs is not in a file.
    (window.offline || row.duration_ns >= options.minBusyRatio * windowNs)
  )
}

const ALL_COLUMNS = /\bselect\s+(?:distinct\s+)?(?:[\w"`]+\.)?\*/i
const HAS_CONDITION = /\bwhere\b/i
const IS_LIMITED = /\b(?:limit|fetch\s+(?:first|next)|top)\b/i

function toFinding(
  row: StatementCost,
  returned: number,
  window: Window,
  options: Options,
): Finding {
  // Finding a row and handing it over take their time for each row, so those that no page needs are that share of it.
  const lostNs = row.duration_ns * (1 - options.pageRows / Math.max(options.pageRows, returned))
  const statement = statementName(row.summary, row.text)
  const isLimited = IS_LIMITED.test(row.text)
  const everything = ALL_COLUMNS.test(row.text) ? ' with all columns' : ''
  return {
    ...statementPart(row, lostNs, window, options.severity),
    title: `${statement} returns ${formatCount(returned)} rows${everything} each time, in ${row.operation}`,
    description: `It ran ${formatCount(row.calls)} times at ${formatDuration(averageNs(row.duration_ns, row.calls))} each; what the application does with the rows comes on top, and memory to hold them. ${
      isLimited
        ? 'Its limit is larger than anybody reads.'
        : HAS_CONDITION.test(row.text)
          ? 'It has no limit.'
          : 'It has no limit, so it grows with the table.'
    } Read a page at a time (LIMIT with a key to go on from), only the columns that are used, and let the database count, sum and filter. Where all rows are meant to go out, as in an export, read them with a cursor and send them as they come.`,
    // An export is meant to be large.
    confidence: 0.75 * (1 - 1 / (1 + row.seen_calls)),
    cause: { ofSlowStatement: true, operations: row.by_operation },
    evidence: {
      ...costEvidence(row),
      rows_median: returned,
      has_limit: isLimited,
      all_columns: everything !== '',
      tables: row.models,
      dialect: row.dialect,
    },
  }
}
