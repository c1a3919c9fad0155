import { z } from 'zod'
import { count, durationMs, ratio, section, sizeBytes } from './section.ts'

/**
 * How bad a finding is. In live windows by the time it costs users an hour. In a file the traffic is not
 * known, so there it is judged by what it costs one execution.
 */
function severity(defaults: {
  readonly perHourMs: readonly [medium: number, high: number, critical: number]
  readonly perExecutionMs: readonly [medium: number, high: number, critical: number]
}) {
  const limits = (each: readonly [number, number, number], of: string) =>
    section({
      mediumMs: durationMs().default(each[0]).describe(`From here on medium: ${of}.`),
      highMs: durationMs().default(each[1]).describe(`From here on high: ${of}.`),
      criticalMs: durationMs().default(each[2]).describe(`From here on critical: ${of}.`),
    })
  return section({
    perHour: limits(defaults.perHourMs, 'recoverable time of all users in an hour'),
    perExecution: limits(
      defaults.perExecutionMs,
      'recoverable time of one execution, in trace files',
    ),
  })
}

const SECONDS = 1_000
const MINUTES = 60 * SECONDS
const USUAL_SEVERITY = {
  perHourMs: [10 * SECONDS, 2 * MINUTES, 30 * MINUTES],
  perExecutionMs: [20, 200, 2 * SECONDS],
} as const

const maxRows = () =>
  count().default(1_000).describe('Rows of evidence it is given; those that cost most come first.')
const maxSpans = () =>
  count()
    .default(250_000)
    .describe(
      'Spans it looks at in one window. When there are more, it looks at whole traces picked by their id, and counts each for several.',
    )

export const NPlusOneOptions = section({
  minCalls: count()
    .default(6)
    .describe('Calls of one statement in one execution; fewer are an ordinary small loop.'),
  minCacheCalls: count()
    .default(20)
    .describe('The same for caches and key-value stores, whose calls are cheap.'),
  minDistinctRatio: ratio()
    .default(0.5)
    .describe(
      'Share of the calls whose parameters differ from one another; below, the same thing is read again and again, which is another problem, unless there are `minDistinctParameters`.',
    ),
  minDistinctParameters: count()
    .default(3)
    .describe(
      'Different parameters from which calls count, however often each of them comes again.',
    ),
  minExecutions: count()
    .default(5)
    .describe('Executions with the repetition in a window before it is a finding.'),
  batchWriteMs: durationMs()
    .default(50)
    .describe(
      'An INSERT of a job that takes longer is taken for one of many rows, where neither its text nor its driver tells how many.',
    ),
  embeddedBatchWriteMs: z
    .number()
    .min(0)
    .default(0.1)
    .describe(
      'The same of a database within the process (SQLite), in jobs and requests: most single rows take less, unless each is a transaction of its own.',
    ),
  minJobCalls: count()
    .default(50)
    .describe('Repetitions in one execution from which a single execution of a job is enough.'),
  mediumCalls: count()
    .default(6)
    .describe('Calls in one execution from which it is at least medium in trace files.'),
  highCalls: count()
    .default(20)
    .describe('Calls in one execution from which it is at least high in trace files.'),
  severity: severity(USUAL_SEVERITY),
  maxRows: maxRows(),
  maxSpans: maxSpans(),
})

export const SlowStatementOptions = section({
  lookupMs: durationMs()
    .default(50)
    .describe('95th percentile of a look-up of single rows; slower is a finding.'),
  listMs: durationMs().default(100).describe('The same of a list.'),
  joinMs: durationMs().default(200).describe('The same of a join.'),
  aggregateMs: durationMs().default(100).describe('The same of a count, sum or grouping.'),
  writeMs: durationMs().default(100).describe('The same of an insert, update or delete.'),
  otherMs: durationMs().default(100).describe('The same of anything else.'),
  jobFactor: z
    .number()
    .min(1)
    .default(10)
    .describe(
      'How many times longer a statement may take that only jobs run: nobody waits for it.',
    ),
  minSteadyRatio: ratio()
    .default(0.5)
    .describe(
      'Share of that limit which nine of ten calls must pass too: a busy machine slows some calls, a slow statement is slow each time.',
    ),
  minCalls: count().default(20).describe('Calls in a window before its percentile is believed.'),
  minPaceCalls: count()
    .default(5)
    .describe('The same before it tells how fast the machine is just now.'),
  minStatementsOfPace: count()
    .default(4)
    .describe(
      'Statements of a service from which the fastest tells what any of them takes on a machine as busy as it is: only what is beyond that counts.',
    ),
  maxPaceMs: durationMs()
    .default(20)
    .describe(
      'The most that counts as such: beyond, even the fastest of them may be slow by itself.',
    ),
  severity: severity(USUAL_SEVERITY),
  maxRows: maxRows(),
  maxSpans: maxSpans(),
})

export const SlowOperationOptions = section({
  requestMs: durationMs()
    .default(500)
    .describe('95th percentile of a request; slower is a finding.'),
  messageMs: durationMs()
    .default(5_000)
    .describe('The same of a message that is handled: what it starts may be work for seconds.'),
  jobMs: durationMs()
    .default(60_000)
    .describe('The same of a job, which nobody waits for in front of a screen.'),
  minExecutions: count()
    .default(20)
    .describe('Executions in a window before its percentile is believed.'),
  minJobExecutions: count()
    .default(1)
    .describe('The same of a job: one run that takes too long is a fact, not a sample.'),
  heldOpenMs: durationMs()
    .default(5_000)
    .describe(
      'Requests of `heldOpenRoutes` that usually last longer, and do nothing meanwhile, are open by intent.',
    ),
  heldOpenRoutes: z
    .array(z.string())
    .default([
      'events',
      'event-stream',
      'sse',
      'stream',
      'streams',
      'ws',
      'websocket',
      'socket',
      'socket.io',
      'sockjs',
      'cable',
      'hub',
      'hubs',
      'live',
      'poll',
      'polling',
      'long-poll',
      'longpoll',
      'subscribe',
      'subscriptions',
      'notifications',
    ])
    .describe(
      'Parts of routes that tell of server-sent events, sockets and long polls: telemetry seldom says so.',
    ),
  confidence: ratio()
    .default(0.95)
    .describe(
      'Confidence with which more than 1 in 20 requests must be over the limit, so that chance explains no finding.',
    ),
  blockMs: durationMs()
    .default(2 * SECONDS)
    .describe(
      'Slow requests within one block of this length may have one reason: a pause of the machine is no slow operation.',
    ),
  minSlowBlocks: count()
    .default(3)
    .describe('Such blocks with a slow request or message before there is a finding.'),
  minSteadyRatio: ratio()
    .default(0.5)
    .describe(
      'Share of the limit that half of the requests must pass for an operation to be slow by itself, and not only at times.',
    ),
  standOutFactor: z
    .number()
    .min(1)
    .default(2)
    .describe(
      'How many times longer than the middle operation of its service, and how many times more often slow than the others, an operation must be to be slow by itself.',
    ),
  minShared: count()
    .default(3)
    .describe(
      'Slow operations of which none stands out before they are one problem of the service.',
    ),
  sharedRatio: ratio()
    .default(0.5)
    .describe('The same as a share of the operations of the service.'),
  dominantRatio: ratio()
    .default(0.5)
    .describe('Share of the time from which one part is said to dominate.'),
  severity: severity({
    perHourMs: [30 * SECONDS, 5 * MINUTES, 60 * MINUTES],
    perExecutionMs: [100, SECONDS, 5 * SECONDS],
  }),
  maxRows: maxRows(),
})

export const ErrorRateOptions = section({
  maxRatio: ratio()
    .default(0.05)
    .describe('Share of failed executions that is tolerated; a clearly larger one is a finding.'),
  confidence: ratio()
    .default(0.95)
    .describe('Confidence of the interval whose lower end must be above the tolerated share.'),
  minExecutions: count().default(20).describe('Executions in a window before a share is believed.'),
  minJobExecutions: count()
    .default(1)
    .describe('The same of a job: one run that failed is worth knowing.'),
  mediumRatio: ratio().default(0.1).describe('Share of failed executions from which it is medium.'),
  highRatio: ratio().default(0.2).describe('Share of failed executions from which it is high.'),
  criticalRatio: ratio()
    .default(0.5)
    .describe('Share of failed executions from which it is critical.'),
  maxRows: maxRows(),
})

export const MissingIndexOptions = section({
  minTableRows: count()
    .default(1_000)
    .describe('Rows of a table below which reading all of it is as good as an index.'),
  maxSelectivity: ratio()
    .default(0.1)
    .describe(
      'Largest share of a table that a filter may keep for an index to help: beyond, hardly a page of it would be spared.',
    ),
  minMeanMs: z
    .number()
    .min(0)
    .default(0.25)
    .describe(
      'Mean duration of the statement below which there is nothing to gain. Drivers that fetch rows on demand, as those of SQLite do, measure only the time to the first row.',
    ),
  minCalls: count().default(5).describe('Calls in a window before it is a finding.'),
  spareableRatio: ratio()
    .default(0.9)
    .describe('Largest share of a statement’s time that an index is said to spare.'),
  severity: severity(USUAL_SEVERITY),
  maxRows: maxRows(),
  maxSpans: maxSpans(),
})

const HOURS = 60 * MINUTES

export const MemoryLeakOptions = section({
  stepMs: durationMs()
    .default(MINUTES)
    .describe('Memory is looked at in steps of this length, by the lowest of each.'),
  horizonMs: durationMs()
    .default(3 * HOURS)
    .describe('How far back growth is looked for.'),
  earlierMs: durationMs()
    .default(24 * HOURS)
    .describe(
      'How long before that a process must not have had as much: what follows its load has.',
    ),
  warmUpMs: durationMs()
    .default(5 * MINUTES)
    .describe('The start of a process, in which it fetches what it needs, does not count.'),
  minObservedMs: durationMs()
    .default(20 * MINUTES)
    .describe('Time after that before anything is said.'),
  endedMs: durationMs()
    .default(5 * MINUTES)
    .describe('A process that told nothing for so long has ended, and is no longer judged.'),
  quietObservedMs: durationMs()
    .default(90 * MINUTES)
    .describe(
      'Time after its start a process must have been observed without a leak before the issue of its service counts as gone: a new process has not had the time to show it.',
    ),
  minPoints: count()
    .default(7)
    .describe(
      'Steps with a full collection (where no heap is told of: steps) before anything is said.',
    ),
  falseAlarmRatio: ratio()
    .default(0.001)
    .describe(
      'How often a look at a service without a leak may take noise or wandering for one; all its processes share it.',
    ),
  confidence: ratio().default(0.95).describe('Of the lower end of the growth that is told.'),
  steadyRatio: ratio()
    .default(0.75)
    .describe(
      'Growth in the last third, as a share of that of the whole: a process that warms up slows down.',
    ),
  minGrowthRatio: ratio()
    .default(0.1)
    .describe('Growth within what was looked at, as a share of the memory, before it matters.'),
  minGrowthBytes: sizeBytes()
    .default(8 * 1024 * 1024)
    .describe('The same in bytes.'),
  criticalFullInMs: durationMs()
    .default(2 * HOURS)
    .describe('Time until the heap is full from which it is critical.'),
  highFullInMs: durationMs()
    .default(24 * HOURS)
    .describe('The same for high.'),
  mediumFullInMs: durationMs()
    .default(7 * 24 * HOURS)
    .describe('The same for medium.'),
  highDoubledInMs: durationMs()
    .default(2 * HOURS)
    .describe(
      'Where nobody tells a limit: time until memory is twice what it is, from which it is high; else it is medium.',
    ),
  stabilityMs: durationMs()
    .default(24 * HOURS)
    .describe('How long memory must have been watched before it is said to be stable, or not.'),
  longestHoleMs: durationMs()
    .default(2 * HOURS)
    .describe('Longest time without data in that.'),
  stableRatioPerHour: ratio()
    .default(0.001)
    .describe('Growth in an hour, as a share of the memory, up to which it is stable.'),
  maxRows: count().default(400).describe('Processes it is given.'),
})

export const PoolWaitOptions = section({
  minSamples: count()
    .default(4)
    .describe('Looks at a pool in a window before its state is believed; agents look every 10 s.'),
  maxExhaustedRatio: ratio()
    .default(0.1)
    .describe(
      'Share of the looks in which all connections may be in use and somebody may wait; a clearly larger one is a finding.',
    ),
  confidence: ratio()
    .default(0.95)
    .describe('Confidence of the interval whose lower end must be above that share.'),
  severity: severity(USUAL_SEVERITY),
  maxRows: count().default(200).describe('Pools it is given; those waited for longest come first.'),
})

export const PoolLeakOptions = section({
  horizonMs: durationMs()
    .default(60 * MINUTES)
    .describe('How far back it looks.'),
  parts: z
    .int()
    .min(2)
    .default(20)
    .describe('Parts of that time: what is kept is in use throughout one of them.'),
  minParts: z
    .int()
    .min(2)
    .default(4)
    .describe('Parts that must be told, and in which all of a pool must be kept.'),
  minSamplesPerPart: count()
    .default(3)
    .describe('Looks at a pool in each part before anything is said.'),
  minGrowth: count()
    .default(4)
    .describe(
      'Connections that must have been kept in addition: one or a few that are meant to stay are no leak.',
    ),
  minRises: count()
    .default(4)
    .describe(
      'Parts in which more must be kept than in the one before, and none with less: what is taken at once is meant to stay, and of what is only used for long some is given back meanwhile.',
    ),
  heldFactor: z
    .number()
    .min(0)
    .default(2)
    .describe(
      'How many times longer than any connection that was given back those must be kept that are said to be lost.',
    ),
  pauseFactor: z
    .number()
    .min(1)
    .default(4)
    .describe(
      'How many times longer than usual the latest rise may be ago: what stopped growing was meant to stay.',
    ),
  maxRows: count().default(200).describe('Pools it is given; those waited for longest come first.'),
})

export const EventLoopBlockOptions = section({
  minBlocks: count()
    .default(3)
    .describe('Blocks at one place in a window; a single one may be the machine’s.'),
  minBlockedRatio: ratio()
    .default(0.01)
    .describe('Share of the time of a process that one place must block.'),
  sharedBlockedRatio: ratio()
    .default(0.1)
    .describe('The same from which other requests that are slow at times are slow because of it.'),
  severity: severity(USUAL_SEVERITY),
  maxRows: count()
    .default(200)
    .describe('Places it is given; those that block longest come first.'),
})

export const RepeatedCallOptions = section({
  minCalls: count()
    .default(6)
    .describe('Calls of one thing in one request; fewer are an ordinary small loop.'),
  minSpareableMs: durationMs()
    .default(10)
    .describe(
      'Time of one request beyond that of a single call, below which there is nothing to gain: calls side by side lose none.',
    ),
  minAttempts: count()
    .default(4)
    .describe('The same where most of them fail: two or three tries are ordinary.'),
  minFailedRatio: ratio()
    .default(0.5)
    .describe('Share of failed calls from which they count as tries of the same.'),
  minExecutions: count()
    .default(5)
    .describe('Executions with the repetition in a window before it is a finding.'),
  sharedPaths: z
    .array(z.string())
    .default(['/graphql', '/rpc', '/jsonrpc', '/json-rpc'])
    .describe(
      'Ends of paths under which everything is asked, as under the root: the URL does not tell what.',
    ),
  severity: severity(USUAL_SEVERITY),
  maxRows: maxRows(),
  maxSpans: maxSpans(),
})

export const LargeResultOptions = section({
  minRows: count().default(1_000).describe('Rows that half of all calls return, or more.'),
  pageRows: count().default(100).describe('Rows that a page would have.'),
  minCalls: count().default(10).describe('Calls in a window before it is a finding.'),
  minMeanMs: durationMs()
    .default(5)
    .describe('Mean duration of the statement below which there is nothing to gain.'),
  minBusyRatio: ratio()
    .default(0.005)
    .describe(
      'Time of the statement, as a share of the window, below which there is little to gain; what the application does with the rows comes on top.',
    ),
  severity: severity(USUAL_SEVERITY),
  maxRows: maxRows(),
  maxSpans: maxSpans(),
})

export const RepeatedReadOptions = section({
  keptMs: durationMs()
    .default(10 * SECONDS)
    .describe('How long an answer is supposed to be kept.'),
  minRepeatedRatio: ratio()
    .default(0.8)
    .describe('Share of the calls that an answer kept so long would have served.'),
  minMeanMs: durationMs()
    .default(5)
    .describe('Mean duration below which a cache elsewhere would hardly be faster.'),
  minBusyRatio: ratio()
    .default(0.02)
    .describe(
      'Time of the repetitions, as a share of the window, below which there is little to gain.',
    ),
  minCalls: count().default(60).describe('Calls in a window before it is a finding.'),
  maxCallsPerExecution: count()
    .default(5)
    .describe('Calls in one request beyond which it is a loop, which is another problem.'),
  restMs: durationMs().default(MINUTES).describe('Shortest time between two looks.'),
  severity: severity(USUAL_SEVERITY),
  maxRows: maxRows(),
  maxSpans: maxSpans(),
})

/** The options of the built-in analyzers, one key per kind. Every threshold they compare with is here. */
export const AnalyzerSettings = section({
  enabled: z
    .record(z.string(), z.boolean())
    .default({})
    .describe('Analyzers switched off (false) by kind.'),
  nPlusOne: NPlusOneOptions,
  slowStatement: SlowStatementOptions,
  slowOperation: SlowOperationOptions,
  errorRate: ErrorRateOptions,
  missingIndex: MissingIndexOptions,
  memoryLeak: MemoryLeakOptions,
  poolWait: PoolWaitOptions,
  poolLeak: PoolLeakOptions,
  eventLoopBlock: EventLoopBlockOptions,
  repeatedCall: RepeatedCallOptions,
  largeResult: LargeResultOptions,
  repeatedRead: RepeatedReadOptions,
})
