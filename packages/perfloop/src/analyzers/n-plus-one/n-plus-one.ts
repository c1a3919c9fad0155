import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { durationNs } from '../../domain/duration.ts'
import type { Severity } from '../../domain/severity.ts'
import { NPlusOneOptions } from '../../settings/analyzers.ts'
import { repeatedStatements } from '../../store/telemetry/queries/repeated-statements.query.ts'
import { enough, perHour, secondsOf } from '../evidence-window.ts'
import { severityOf, worse } from '../severity-of.ts'
import { hasPlaceholder } from '../statement-text.ts'
import { averageNs, executionWord, formatCount, formatDuration, statementName } from '../words.ts'
import { isHealthyRepetition, mayBeBatches } from './healthy-repetition.ts'
import {
  isNamedInKey,
  type Neighbour,
  parentStatement,
  type RepeatedStatement,
  returnedTheRows,
} from './parent-statement.ts'

type Options = z.output<typeof NPlusOneOptions>

/** Other statements of the exemplar execution among which the parent is looked for. */
const MAX_NEIGHBOURS = 200

/** One query per row of an earlier query, where one query for all rows would do. */
export const nPlusOne = defineAnalyzer({
  kind: 'n-plus-one',
  title: 'N+1 queries',
  description:
    'The same statement again and again within one request or job, with another key each time: once for every row that an earlier statement returned.',
  options: NPlusOneOptions,
  evidence: repeatedStatements,

  ask: (window, options) => ({
    ...secondsOf(window),
    min_calls: Math.max(2, options.minCalls),
    max_neighbours: MAX_NEIGHBOURS,
    max_rows: options.maxRows,
    max_spans: options.maxSpans,
  }),

  judge(rows, window, options) {
    const repetitions = rows.filter(row => isNPlusOne(row, window, options))
    return trees(repetitions).map(tree => toFinding(tree, window, options))
  },
})

/** Transaction control, session settings and connection upkeep repeat by nature. */
const HOUSEKEEPING = new Set(
  `BEGIN START COMMIT ROLLBACK END SAVEPOINT RELEASE SET RESET SHOW USE PRAGMA DISCARD DEALLOCATE PREPARE
   LISTEN UNLISTEN NOTIFY LOCK UNLOCK EXPLAIN CLOSE FETCH DECLARE PING HELLO AUTH CLIENT INFO MULTI EXEC
   WATCH UNWATCH SUBSCRIBE PUBLISH ISMASTER CONNECT ENDSESSIONS GETMORE KILLCURSORS`.split(/\s+/),
)
const CACHES = new Set(['redis', 'valkey', 'memcached', 'keydb', 'dragonfly', 'hazelcast'])
const SQL_VERBS = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'REPLACE', 'WITH'])
const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'REPLACE', 'UPSERT'])

function isNPlusOne(row: RepeatedStatement, window: Window, options: Options): boolean {
  const verb = row.verb.toUpperCase()
  if (HOUSEKEEPING.has(verb)) return false
  if (row.calls_median < (CACHES.has(row.dialect) ? options.minCacheCalls : options.minCalls)) {
    return false
  }
  if (!parametersDiffer(row, options)) return false
  // Where the parameters are not told, a statement that can have none is the same every time.
  if (row.parameters_known === 0 && SQL_VERBS.has(verb) && !hasPlaceholder(row.text)) return false

  if (isHealthyRepetition(row, parentStatement(row), options)) return false
  if (row.seen_executions >= enough(options.minExecutions, window)) return true
  const isJob = executionWord(row.kind) === 'job'
  return isJob && row.calls_median >= options.minJobCalls
}

/** Rows often share what is loaded for each of them: twenty articles of three authors are twenty calls too. */
function parametersDiffer(row: RepeatedStatement, options: Options): boolean {
  if (row.distinct_ratio >= options.minDistinctRatio) return true
  if (CACHES.has(row.dialect)) return false
  return distinctParameters(row) >= options.minDistinctParameters
}

function distinctParameters(row: RepeatedStatement): number {
  return Math.round(row.distinct_ratio * row.calls_median)
}

interface Tree {
  readonly row: RepeatedStatement
  readonly parent: Neighbour | undefined
  readonly children: Tree[]
}

/**
 * Repetitions under one another are one problem (projects → features → backlogs): fixing the outer loop and
 * leaving the inner one helps little, and the inner one has no other cause.
 */
function trees(rows: readonly RepeatedStatement[]): readonly Tree[] {
  const byPlace = new Map<string, Tree>()
  for (const row of rows) {
    byPlace.set(place(row, row.statement), { row, parent: parentStatement(row), children: [] })
  }
  const roots: Tree[] = []
  for (const tree of byPlace.values()) {
    const above = tree.parent && byPlace.get(place(tree.row, tree.parent.statement))
    if (above === undefined || isBelow(above, tree, byPlace)) roots.push(tree)
    else above.children.push(tree)
  }
  return roots
}

function place(row: RepeatedStatement, statement: string): string {
  return JSON.stringify([row.environment, row.service, row.operation, row.kind, statement])
}

/** Different exemplars may tell different orders; a loop in the tree would lose both. */
function isBelow(tree: Tree, ancestor: Tree, byPlace: ReadonlyMap<string, Tree>): boolean {
  const seen = new Set<Tree>()
  let current: Tree | undefined = tree
  while (current !== undefined && !seen.has(current)) {
    if (current === ancestor) return true
    seen.add(current)
    current = current.parent && byPlace.get(place(current.row, current.parent.statement))
  }
  return current !== undefined
}

interface Level {
  readonly depth: number
  readonly statement: string
  readonly summary: string
  readonly text: string
  readonly calls: number
  readonly rows?: number | null
  readonly mean_call_ns?: number
  readonly code_location?: string
}

function levelsOf(tree: Tree, depth: number): readonly Level[] {
  const { row } = tree
  const level = {
    depth,
    statement: row.statement,
    summary: row.summary,
    text: row.text,
    calls: row.exemplar_calls,
    mean_call_ns: row.mean_call_ns,
    ...(row.code_location === '' ? {} : { code_location: row.code_location }),
  }
  return [level, ...tree.children.flatMap(child => levelsOf(child, depth + 1))]
}

function nodesOf(tree: Tree): readonly RepeatedStatement[] {
  return [tree.row, ...tree.children.flatMap(nodesOf)]
}

function toFinding(tree: Tree, window: Window, options: Options): Finding {
  const { row, parent } = tree
  const nodes = nodesOf(tree)
  const levels: readonly Level[] = [
    ...(parent === undefined
      ? []
      : [
          {
            depth: 0,
            statement: parent.statement,
            summary: parent.summary,
            text: parent.text,
            calls: parent.calls,
            rows: parent.rows,
          },
        ]),
    ...levelsOf(tree, 1),
  ]

  // N calls made one spare the shares of N-1 of them, of the wall time during which any was running: calls
  // made in parallel spare less. What the application itself does around each call would go too, but is not
  // measured, so it is not counted.
  const lostNs = nodes.reduce((sum, node) => sum + node.spareable_ns, 0)
  const recoverableNsPerHour = perHour(lostNs, window)
  const perExecutionNs = nodes.reduce(
    (sum, node) => sum + averageNs(node.spareable_ns, node.executions),
    0,
  )
  const calls = nodes.reduce((sum, node) => sum + node.calls_median, 0)

  return {
    environment: row.environment,
    service: row.service,
    operation: row.operation,
    operationKind: row.kind,
    subject: row.statement,
    severity: severity({ perHourNs: recoverableNsPerHour, perExecutionNs, calls }, window, options),
    title: title(tree),
    description: description(tree, perExecutionNs),
    confidence: confidence(tree),
    cause: {
      ofSlowStatement: false,
      // What the application does between the calls, such as making objects of rows, goes with the loop. Loops
      // within one another overlap.
      operations: [
        {
          operation: row.operation,
          kind: row.kind,
          timeNs: durationNs(Math.max(...nodes.map(node => node.loop_ns))),
        },
      ],
    },
    statement: row.statement,
    statementText: row.text,
    ...(row.code_location === '' ? {} : { codeLocation: row.code_location }),
    traceId: row.trace_id,
    spanIds: [...(parent === undefined ? [] : [parent.spanId]), ...row.span_ids],
    evidence: {
      pattern: levels.map(level => formatCount(level.calls)).join(' + '),
      levels,
      calls_per_execution_median: row.calls_median,
      calls_per_execution_max: row.calls_max,
      calls: row.calls_total,
      executions: row.executions,
      distinct_parameters_ratio: row.distinct_ratio,
      parameters_known_ratio: row.parameters_known,
      mean_call_ns: row.mean_call_ns,
      busy_ns_per_execution: averageNs(row.busy_ns, row.executions),
      recoverable_ns_per_execution: perExecutionNs,
      calls_at_once: Number(row.exemplar_parallel.toPrecision(3)),
      exemplar_entry_span_id: row.entry_span_id,
      parent_statement: parent?.statement ?? null,
      parent_rows: parent?.rows ?? null,
      dialect: row.dialect,
    },
    recoverableNsPerHour,
  }
}

function severity(
  cost: { readonly perHourNs: number; readonly perExecutionNs: number; readonly calls: number },
  window: Window,
  options: Options,
): Severity {
  const byTime = severityOf(cost, window, options.severity)
  if (!window.offline) return byTime
  // A test database answers in microseconds what production does not: there the number of calls tells more.
  if (cost.calls >= options.highCalls) return worse(byTime, 'high')
  return cost.calls >= options.mediumCalls ? worse(byTime, 'medium') : byTime
}

function title({ row, parent, children }: Tree): string {
  const one = executionWord(row.kind)
  const repeated = `${row.operation} runs ${statementName(row.summary, row.text)} ${formatCount(row.exemplar_calls)} times in one ${one}`
  const cause = WRITES.has(row.verb.toUpperCase())
    ? ', writing one row at a time'
    : parent === undefined
      ? ''
      : `, once for each row of ${statementName(parent.summary, parent.text)}`
  const below = children.map(
    child =>
      `${statementName(child.row.summary, child.row.text)} ${formatCount(child.row.exemplar_calls)} times`,
  )
  return `${repeated}${cause}${below.length === 0 ? '' : `, and below it ${below.join(' and ')}`}`
}

function description({ row, parent }: Tree, perExecutionNs: number): string {
  const executions =
    row.executions === 1 ? 'one execution' : `${formatCount(row.executions)} executions`
  const parameters =
    row.parameters_known > 0
      ? row.distinct_ratio < 1
        ? `with about ${formatCount(distinctParameters(row))} different parameters`
        : 'each time with another parameter'
      : 'with parameters that the telemetry does not tell: should they be the same each time, keep the first answer'
  const what = `The statement ran ${formatCount(row.calls_total)} times in ${executions}, ${formatCount(row.calls_median)} times in a typical one, ${parameters}.`
  const why = `Every call pays the way to the database and back: about ${formatDuration(perExecutionNs)} of each execution would be spared by asking once.`
  if (WRITES.has(row.verb.toUpperCase())) {
    return `${what} ${why} Write many rows in one statement: a multi-row INSERT or executemany, bulk_create (Django), insert_all (Rails), createMany (Prisma), hibernate.jdbc.batch_size; for updates, one UPDATE with a list of keys or a join.${
      mayBeBatches(row)
        ? ' How many rows each call wrote is not told: where it is an executemany that the driver sends at once (that of psycopg2 sends row by row), nothing is to be done.'
        : ''
    }`
  }
  const from =
    parent === undefined
      ? ''
      : ` (after ${statementName(parent.summary, parent.text)} returned them)`
  return `${what} ${why} Load what belongs to all rows${from} with one statement: WHERE … IN (…) or a join. In ORMs: selectinload or joinedload (SQLAlchemy), select_related or prefetch_related (Django), includes (Rails), JOIN FETCH or @BatchSize (Hibernate), include (Prisma, Sequelize), DataLoader (GraphQL).`
}

/**
 * Surer when the parameters were seen to differ and when the rows looped over were counted. Without parameters
 * the same could have been read again and again, unless the key is named after what was read before.
 */
function confidence({ row, parent }: Tree): number {
  const isNamed = parent !== undefined && isNamedInKey(parent, row.text)
  const base = mayBeBatches(row) ? 0.5 : row.parameters_known > 0 ? 0.95 : isNamed ? 0.8 : 0.6
  const rowsSeen = parent !== undefined && returnedTheRows(parent, row) ? 0.04 : 0
  return (
    (base + rowsSeen) * (1 - 1 / (Math.max(1, row.seen_executions) * Math.max(2, row.calls_median)))
  )
}
