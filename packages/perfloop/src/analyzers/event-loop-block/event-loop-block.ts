import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { durationNs } from '../../domain/duration.ts'
import { EventLoopBlockOptions } from '../../settings/analyzers.ts'
import { blockingCode } from '../../store/telemetry/queries/blocking-code.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { perHour, secondsOf } from '../evidence-window.ts'
import { severityOf } from '../severity-of.ts'
import { subjectOf } from '../subject-of.ts'
import { averageNs, formatCount, formatDuration, formatPercent } from '../words.ts'

type Options = z.output<typeof EventLoopBlockOptions>
type BlockingCode = RowOf<typeof blockingCode>

/** Code that keeps a process from everything else for long, again and again. */
export const eventLoopBlock = defineAnalyzer({
  kind: 'event-loop-block',
  title: 'Event loop blocked',
  description:
    'Code that runs for so long without a pause that every other request of its process waits, with the line it was at; or a machine that leaves the process without a CPU for as long.',
  options: EventLoopBlockOptions,
  evidence: blockingCode,

  ask: (window, options) => ({ ...secondsOf(window), max_rows: options.maxRows }),

  judge(rows, window, options) {
    const windowNs = Number(window.toUnixNs - window.fromUnixNs)
    return rows.flatMap(row => {
      const ratio = windowNs > 0 ? row.total_ns / Math.max(1, row.instances) / windowNs : 0
      const isOften = row.seen_blocks >= options.minBlocks
      return isOften && ratio >= options.minBlockedRatio
        ? [toFinding(row, ratio, window, options)]
        : []
    })
  },
})

function toFinding(row: BlockingCode, ratio: number, window: Window, options: Options): Finding {
  const place = attributeOf(row, 'code.function.name') ?? lineOf(row)
  const stack = attributeOf(row, 'code.stacktrace')
  const meanNs = meanOf(row)
  // At the least, the request it runs for could go on; those behind it wait as well.
  const recoverableNsPerHour = perHour(row.total_ns, window)
  return {
    environment: row.environment,
    service: row.service,
    operation: row.operation,
    operationKind: row.operation === '' ? 'unspecified' : row.kind,
    subject: subjectOf('event-loop-block', row.starved ? 'starved' : row.code_location),
    severity: severityOf(
      { perHourNs: recoverableNsPerHour, perExecutionNs: meanNs },
      window,
      options.severity,
    ),
    ...(row.starved ? starvedWords(row, ratio, window) : blockedWords(row, place, ratio, window)),
    confidence: 0.95,
    cause: {
      ofSlowStatement: false,
      ofWholeProcess: ratio >= options.sharedBlockedRatio,
      operations:
        row.operation === ''
          ? []
          : [{ operation: row.operation, kind: row.kind, timeNs: durationNs(row.total_ns) }],
    },
    ...(row.code_location === '' ? {} : { codeLocation: row.code_location }),
    traceId: row.trace_id,
    spanIds: [row.span_id],
    evidence: {
      ...(row.starved ? {} : { function: place }),
      blocks: row.blocks,
      blocked_ratio: ratio,
      block_mean_ns: meanNs,
      block_longest_ns: row.longest_ns,
      block_total_ns: row.total_ns,
      instances: row.instances,
      stack: stack?.split('\n').slice(0, MOST_FRAMES) ?? [],
    },
    recoverableNsPerHour,
  }
}

const MOST_FRAMES = 12

type Words = Pick<Finding, 'title' | 'description'>

function blockedWords(row: BlockingCode, place: string, ratio: number, window: Window): Words {
  const forWhom = row.operation === '' ? '' : ` for ${row.operation}`
  return {
    title: `${place} blocks the event loop${forWhom} for ${formatDuration(meanOf(row))}, ${formatPercent(ratio)} of the time`,
    description: `${howOften(row, window)} nothing else ran in a process of ${row.service}, for up to ${formatDuration(row.longest_ns)}: every other request of that process waited too. The stack is where it was while it lasted. Do less at once (fewer rows, an answer in parts), keep what was computed, or move it to a worker thread.`,
  }
}

/** What the scheduler tells: the process was ready to run, and others ran. */
function starvedWords(row: BlockingCode, ratio: number, window: Window): Words {
  return {
    title: `The machine has no time for ${row.service}: its event loop stands still for ${formatDuration(meanOf(row))}, ${formatPercent(ratio)} of the time`,
    description: `${howOften(row, window)} a process of ${row.service} was ready to run and got no CPU, or too little, for up to ${formatDuration(row.longest_ns)}: other processes had it, or a limit on its CPU was used up. No code of ${row.service} is to blame. Give it more CPU, raise the limit, or let other work run elsewhere.`,
  }
}

function howOften({ blocks }: BlockingCode, window: Window): string {
  return `${formatCount(blocks)} times within ${formatDuration(Number(window.toUnixNs - window.fromUnixNs))}`
}

function meanOf(row: BlockingCode): number {
  return averageNs(row.total_ns, row.blocks)
}

/** Functions without a name have a place. */
function lineOf({ code_location: location }: BlockingCode): string {
  return location === '' ? 'Code' : `Code at ${location.slice(location.lastIndexOf('/') + 1)}`
}

/** Of the longest block, out of its shape and its own values. */
function attributeOf(row: BlockingCode, key: string): string | undefined {
  let own = 0
  for (const [slot, name] of row.shape_keys.entries()) {
    const isVariable = row.shape_variable[slot] === 1
    const text = isVariable ? row.attribute_values[own++] : row.shape_constants[slot]
    if (name === key) return text === '' ? undefined : text
  }
  return undefined
}
