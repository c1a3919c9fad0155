import { describe, expect, it } from 'vitest'
import type { Analyzer, Window } from '../analysis/analyzer.ts'
import { judge } from '../analysis/judge.ts'
import { durationNs } from '../domain/duration.ts'
import { fingerprint } from '../domain/fingerprint.ts'
import { SPAN_KINDS } from '../domain/span.ts'
import { createPseudoRandom, type PseudoRandom } from '../statistics/pseudo-random.ts'
import { BUILT_IN_ANALYZERS } from './built-in.ts'
import { errorRate } from './error-rate/error-rate.ts'
import { largeResult } from './large-result/large-result.ts'
import { missingIndex } from './missing-index/missing-index.ts'
import { nPlusOne } from './n-plus-one/n-plus-one.ts'
import { repeatedCall } from './repeated-call/repeated-call.ts'
import { repeatedRead } from './repeated-read/repeated-read.ts'
import { slowOperation } from './slow-operation/slow-operation.ts'
import { slowStatement } from './slow-statement/slow-statement.ts'
import { statementClass } from './slow-statement/statement-class.ts'

const MINUTE_NS = 60_000_000_000n
const live: Window = { fromUnixNs: 0n, toUnixNs: 5n * MINUTE_NS, offline: false }
const file: Window = { fromUnixNs: 0n, toUnixNs: 1_000_000_000n, offline: true }
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

function analyzerOf(kind: string): Analyzer {
  const analyzer = BUILT_IN_ANALYZERS.find(one => one.kind === kind)
  if (analyzer === undefined) throw new Error(`no analyzer ${kind}`)
  return analyzer
}

const where = { environment: 'production', service: 'harbour', operation: 'GET /piers' }

describe('every analyzer', () => {
  /** Anything that a row's shape allows, extremes included. */
  function arbitrary(random: PseudoRandom, depth = 0): unknown {
    const pick = Math.floor(random.next() * (depth > 2 ? 7 : 9))
    const numbers = [0, 1, -1, 1e-9, 1e18, Number.MAX_SAFE_INTEGER, random.next() * 1e6]
    switch (pick) {
      case 0:
        return ''
      case 1:
        return ['SELECT * FROM "x"', '\u0000', '%', '🚢', 'a'.repeat(5_000)][
          Math.floor(random.next() * 5)
        ]
      case 7:
        return Array.from({ length: 3 }, () => arbitrary(random, depth + 1))
      case 8:
        return { name: 'x', table: 'y', ns: 1 }
      default:
        return numbers[Math.floor(random.next() * numbers.length)]
    }
  }

  it.each(BUILT_IN_ANALYZERS.map(({ kind }) => kind))(
    '%s never throws on rows of its shape',
    kind => {
      const analyzer = analyzerOf(kind)
      const random = createPseudoRandom(11)
      const options = analyzer.options.parse({})
      for (let round = 0; round < 300; round++) {
        const rows = Array.from({ length: 5 }, () => rowOf(kind, random))
        const answer = judge([analyzer], {
          kind,
          rows,
          window: round % 2 === 0 ? live : file,
          options,
        })
        expect(answer, JSON.stringify(answer)).toMatchObject({ status: 'judged' })
      }
    },
  )

  it.each(BUILT_IN_ANALYZERS.map(({ kind }) => kind))(
    '%s answers rows of no shape at all with a fault, not a crash',
    kind => {
      const random = createPseudoRandom(12)
      for (let round = 0; round < 100; round++) {
        const answer = judge(BUILT_IN_ANALYZERS, {
          kind,
          rows: [arbitrary(random), arbitrary(random)],
          window: live,
          options: analyzerOf(kind).options.parse({}),
        })
        expect(['judged', 'failed']).toContain(answer.status)
      }
    },
  )

  it('is asked for whole seconds of its window', () => {
    for (const analyzer of BUILT_IN_ANALYZERS) {
      const asked: unknown = analyzer.ask(live, analyzer.options.parse({}))
      expect(asked).toMatchObject({ to_s: 300 })
      // What grows slowly is looked for further back.
      expect(Reflect.get(Object(asked), 'from_s')).toBeLessThanOrEqual(0)
      expect(analyzer.evidence.params.safeParse(analyzer.evidence.example).success).toBe(true)
    }
  })

  function numberOf(random: PseudoRandom): number {
    return [0, 1, 7, 1e3, 1e9, 1e15][Math.floor(random.next() * 6)] ?? 0
  }

  function rowOf(kind: string, random: PseudoRandom): unknown {
    const n = () => numberOf(random)
    const spanKind = SPAN_KINDS[Math.floor(random.next() * SPAN_KINDS.length)]
    const texts = ['', 'SELECT', "SELECT x FROM y WHERE z_id = '?", '?'.repeat(9_000), '\u0000🚢']
    const text = () => texts[Math.floor(random.next() * texts.length)] ?? ''
    const statement = fingerprint(`00000000000000${Math.floor(random.next() * 90 + 10)}`)
    const cost = {
      ...where,
      operation: text(),
      kind: spanKind,
      statement,
      text: text(),
      summary: text(),
      verb: text(),
      dialect: text(),
      models: [text()],
      operation_ratio: random.next(),
      operations: n(),
      by_operation: [{ operation: text(), kind: 'server' as const, timeNs: n() }],
      calls: n(),
      seen_calls: n(),
      failed_calls: n(),
      duration_ns: n(),
      p10_ns: n(),
      p50_ns: n(),
      p95_ns: n(),
      max_ns: n(),
      excess_ns: [n(), n()],
      rows_median: random.next() < 0.5 ? null : n(),
      request_rows_median: random.next() < 0.5 ? null : n(),
      code_location: text().slice(0, 50),
      trace_id: TRACE,
      span_id: SPAN,
    }
    switch (kind) {
      case 'n-plus-one':
        return {
          ...cost,
          executions: n(),
          seen_executions: n(),
          calls_median: n(),
          calls_max: n(),
          calls_total: n(),
          distinct_ratio: random.next(),
          parameters_known: random.next(),
          busy_ns: n(),
          spareable_ns: n(),
          mean_call_ns: n(),
          short_call_ns: n(),
          loop_ns: n(),
          entry_span_id: SPAN,
          exemplar_calls: n(),
          exemplar_first_start_unix_ns: BigInt(n()),
          exemplar_busy_ns: n(),
          exemplar_parallel: n(),
          span_ids: [SPAN],
          neighbours: Array.from({ length: 3 }, () => ({
            statement: fingerprint(`00000000000000${Math.floor(random.next() * 90 + 10)}`),
            calls: n(),
            firstStartUnixNs: BigInt(n()),
            rows: random.next() < 0.5 ? null : n(),
            spanId: SPAN,
            summary: text(),
            text: text(),
          })),
        }
      case 'pool-wait':
      case 'pool-leak':
        return {
          ...where,
          instance: text(),
          pool: text(),
          samples: n(),
          exhausted_samples: n(),
          used_mean: n(),
          used_max: n(),
          pending_max: n(),
          max: n(),
          timeouts: n(),
          parts: Array.from({ length: 5 }, () => ({
            usedMin: n(),
            usedMean: n(),
            samples: n(),
            returned: n(),
          })),
          waits: n(),
          wait_s: n(),
          tells_use: random.next() < 0.5,
          longest_use_s: n(),
          waiting: [{ operation: text(), kind: 'server' as const, waits: n(), waitNs: n() }],
          trace_id: TRACE,
          span_id: SPAN,
        }
      case 'event-loop-block':
        return {
          ...where,
          operation: text(),
          kind: spanKind,
          code_location: text(),
          starved: random.next() < 0.5,
          instances: n(),
          blocks: n(),
          seen_blocks: n(),
          total_ns: n(),
          longest_ns: n(),
          trace_id: TRACE,
          span_id: SPAN,
          shape_keys: ['code.function.name', text()],
          shape_variable: [1, 0],
          shape_constants: ['', text()],
          attribute_values: [text()],
        }
      case 'memory-leak':
        return {
          ...where,
          instance: text(),
          resource: text(),
          what: random.next() < 0.5 ? ('heap_floor' as const) : ('memory' as const),
          first_s: n(),
          earlier_high: n(),
          times_s: Array.from({ length: 40 }, (_, step) => step * 60),
          lows: Array.from({ length: 40 }, n),
          limit_bytes: n(),
        }
      case 'missing-index':
        return {
          ...cost,
          target: 'main',
          collected_at: '2026-03-01 10:00:00.000',
          plan: {
            fact: 'plan',
            subject: statement,
            dialect: 'postgresql',
            text: text(),
            plan: { node: 'Seq Scan', children: [] },
            words: [],
            fullScans: [
              { table: text(), tableRows: n(), estimatedRowsOut: n() - 5, filter: null },
              { table: 'y', tableRows: n(), estimatedRowsOut: n(), filter: text() },
            ],
            sorts: [],
            candidates: [
              { table: 'y', columns: [], predicate: null, reason: '' },
              {
                table: text(),
                columns: [{ name: text(), descending: true }],
                predicate: null,
                reason: text(),
              },
            ],
          },
        }
      case 'slow-operation':
        return {
          ...cost,
          executions: n(),
          seen_executions: n(),
          excess_ns: n(),
          slow_executions: n(),
          seen_slow_executions: n(),
          all_ns: n(),
          slow_total_ns: n(),
          slow_db_ns: n(),
          slow_render_ns: n(),
          slow_external_ns: n(),
          slow_wait_ns: n(),
          slow_self_ns: n(),
          slow_queries: n(),
          heaviest: [['db', text()]],
          blocks: [{ trials: n(), successes: n() }],
          service_operations: n(),
          service_p50_ns: n(),
          service_executions: n(),
          service_slow_executions: n(),
        }
      case 'repeated-call':
        return {
          ...cost,
          call: text(),
          executions: n(),
          seen_executions: n(),
          calls_median: n(),
          calls_max: n(),
          calls_total: n(),
          failed_total: n(),
          busy_ns: n(),
          spareable_ns: n(),
          mean_call_ns: n(),
          loop_ns: n(),
          exemplar_calls: n(),
          span_ids: [SPAN],
        }
      case 'repeated-read':
        return {
          ...cost,
          written: [],
          executions: n(),
          parameters_known: random.next(),
          distinct_parameters: n(),
          repeated_ratio: random.next(),
          repeated_ns: n(),
        }
      case 'error-rate': {
        const executions = n()
        const failed = Math.min(executions, n())
        return {
          ...cost,
          executions,
          failed,
          seen_executions: executions,
          seen_failed: failed,
          failed_ns: n(),
          status_codes: [{ name: '500', executions: n() }],
          exceptions: random.next() < 0.5 ? [] : [{ name: text(), executions: n() }],
        }
      }
      default:
        return cost
    }
  }
})

describe('too little data', () => {
  const repetition = {
    ...where,
    kind: 'server' as const,
    statement: fingerprint('00000000000000aa'),
    text: 'SELECT * FROM cranes WHERE pier_id = ?',
    summary: 'SELECT cranes',
    verb: 'SELECT',
    dialect: 'postgresql',
    executions: 3,
    seen_executions: 3,
    calls_median: 20,
    calls_max: 20,
    calls_total: 60,
    distinct_ratio: 1,
    parameters_known: 1,
    busy_ns: durationNs(60e6),
    spareable_ns: durationNs(57e6),
    mean_call_ns: durationNs(1e6),
    short_call_ns: durationNs(1e6),
    loop_ns: durationNs(9e6),
    code_location: '',
    trace_id: TRACE,
    entry_span_id: SPAN,
    exemplar_calls: 20,
    exemplar_first_start_unix_ns: 5n,
    exemplar_busy_ns: durationNs(20e6),
    exemplar_parallel: 1,
    span_ids: [SPAN],
    neighbours: [],
  }
  const options = nPlusOne.options.parse({})

  it('knows the statement that was looped over also where clocks tick in milliseconds', () => {
    const piers = {
      statement: fingerprint('00000000000000bb'),
      calls: 1,
      firstStartUnixNs: repetition.exemplar_first_start_unix_ns,
      rows: null,
      spanId: SPAN,
      summary: 'SELECT piers',
      text: 'SELECT * FROM piers',
    }
    const [finding] = nPlusOne.judge([{ ...repetition, neighbours: [piers] }], file, options)
    expect(finding?.title).toContain('once for each row of SELECT piers')
  })

  it('is no finding after three requests, but is one in a file', () => {
    expect(nPlusOne.judge([repetition], live, options)).toEqual([])
    expect(nPlusOne.judge([repetition], file, options)).toHaveLength(1)
  })

  it('does not hide a job that repeated a statement very often in its only run', () => {
    const job = { ...repetition, kind: 'internal' as const, seen_executions: 1 }
    expect(nPlusOne.judge([job], live, options)).toEqual([])
    expect(nPlusOne.judge([{ ...job, calls_median: 200 }], live, options)).toHaveLength(1)
  })

  it('tells rows that are written one by one from portions, also where the driver tells no rows', () => {
    // As Python's drivers tell it: neither rows nor parameters, and of executemany the text of one row.
    const write = {
      ...repetition,
      text: 'INSERT INTO cranes (pier_id, lift) VALUES (?, ?)',
      summary: 'INSERT cranes',
      verb: 'INSERT',
      dialect: 'sqlite',
      seen_executions: 9,
      parameters_known: 0,
    }
    const judged = (changes: Partial<typeof write>) =>
      nPlusOne.judge([{ ...write, ...changes }], live, options)
    // A look of the machine elsewhere lengthens some calls, and their mean.
    const single = judged({ mean_call_ns: durationNs(900e3), short_call_ns: durationNs(20e3) })
    expect(single).toHaveLength(1)
    expect(judged({ short_call_ns: durationNs(700e3) })).toEqual([])
    // Over a network each row takes as long.
    const [sent] = judged({ dialect: 'postgresql', short_call_ns: durationNs(700e3) })
    expect(sent?.description).toContain('How many rows each call wrote is not told')
    // Whoever asks what became of a row writes one.
    const text = `${write.text} RETURNING id`
    const [returning] = judged({ text, short_call_ns: durationNs(700e3) })
    expect(returning?.description).not.toContain('not told: where')
    expect(returning?.confidence).toBeGreaterThan(sent?.confidence ?? 1)
    const beside = (rows: number | null, text: string) => ({
      statement: rows === null ? fingerprint('00000000000000bb') : repetition.statement,
      calls: 20,
      firstStartUnixNs: 5n,
      rows,
      spanId: SPAN,
      summary: '',
      text,
    })
    const telling = (rows: number) =>
      nPlusOne.judge([{ ...write, neighbours: [beside(rows, write.text)] }], live, options)
    expect(telling(10_000)).toEqual([])
    expect(telling(20)).toHaveLength(1)
    // Each in a savepoint of its own waits for the disk.
    const guarded = { ...write, short_call_ns: durationNs(5e6) }
    expect(
      nPlusOne.judge([{ ...guarded, neighbours: [beside(null, 'SAVEPOINT ?')] }], live, options),
    ).toHaveLength(1)
  })

  it('counts all calls but one of each execution as recoverable, an hour at the rate of the window', () => {
    const [finding] = nPlusOne.judge([{ ...repetition, seen_executions: 9 }], live, options)
    expect(finding?.recoverableNsPerHour).toBeCloseTo(57e6 * 12)
  })

  it('grows more severe with the time it costs', () => {
    const severities = [1e6, 2e9, 20e9, 200e9].map(
      spareable_ns =>
        nPlusOne.judge(
          [{ ...repetition, seen_executions: 9, spareable_ns: durationNs(spareable_ns) }],
          live,
          options,
        )[0]?.severity,
    )
    expect(severities).toEqual(['low', 'medium', 'high', 'critical'])
  })
})

describe('error-rate', () => {
  const failures = (seen_failed: number, seen_executions: number) => ({
    ...where,
    kind: 'server' as const,
    executions: seen_executions * 10,
    failed: seen_failed * 10,
    seen_executions,
    seen_failed,
    failed_ns: durationNs(1e9),
    status_codes: [{ name: '503', executions: seen_failed * 10 }],
    exceptions: [],
    trace_id: TRACE,
    span_id: SPAN,
  })
  const judged = (failed: number, all: number) =>
    errorRate.judge([failures(failed, all)], live, errorRate.options.parse({}))

  it('needs more failures than chance explains', () => {
    expect(judged(2, 20)).toEqual([])
    expect(judged(5, 19)).toEqual([])
    expect(judged(30, 200)).toHaveLength(1)
  })

  it('names the commonest status when no exception was told', () => {
    expect(judged(60, 100)[0]).toMatchObject({
      title: '60 % of GET /piers fail, most with status 503',
      severity: 'critical',
    })
  })
})

describe('slow-operation', () => {
  const operation = {
    ...where,
    kind: 'server' as const,
    executions: 100,
    seen_executions: 100,
    p50_ns: durationNs(600e6),
    p95_ns: durationNs(900e6),
    max_ns: durationNs(2e9),
    excess_ns: durationNs(20e9),
    slow_executions: 50,
    seen_slow_executions: 50,
    all_ns: durationNs(60e9),
    slow_total_ns: durationNs(40e9),
    slow_db_ns: durationNs(30e9),
    slow_render_ns: durationNs(2e9),
    slow_external_ns: durationNs(3e9),
    slow_wait_ns: durationNs(0),
    slow_self_ns: durationNs(5e9),
    slow_queries: 600,
    trace_id: TRACE,
    span_id: SPAN,
    heaviest: [['external', 'GET tides.example/today']] as [string, string][],
    blocks: Array.from({ length: 10 }, () => ({ trials: 10, successes: 5 })),
    service_operations: 8,
    service_p50_ns: durationNs(40e6),
    service_executions: 800,
    service_slow_executions: 60,
  }
  const options = slowOperation.options.parse({})

  it('says which part dominates the slow executions', () => {
    const [finding] = slowOperation.judge([operation], live, options)
    expect(finding?.title).toBe(
      'GET /piers takes 900 ms at p95, 75 % of it in the database (12 statements)',
    )
    expect(finding?.evidence).toMatchObject({ dominant_part: 'db', slow_query_count: 12 })
  })

  it('names what the time is spent on elsewhere', () => {
    const waiting = {
      ...operation,
      slow_db_ns: durationNs(3e9),
      slow_external_ns: durationNs(30e9),
    }
    const [finding] = slowOperation.judge([waiting], live, options)
    expect(finding?.title).toContain('waiting for other services, most for GET tides.example/today')
  })

  it('does not blame the application’s code for waits for a connection', () => {
    const waiting = { ...operation, slow_db_ns: durationNs(2e9), slow_wait_ns: durationNs(28e9) }
    const [finding] = slowOperation.judge([waiting], live, options)
    expect(finding?.title).toBe(
      'GET /piers takes 900 ms at p95, 70 % of it waiting for a connection of its pool',
    )
    expect(finding?.evidence).toMatchObject({ dominant_part: 'wait' })
  })

  it('does not claim that a part dominates when none does', () => {
    const mixed = { ...operation, slow_db_ns: durationNs(12e9), slow_self_ns: durationNs(11e9) }
    const [finding] = slowOperation.judge([mixed], live, options)
    expect(finding?.evidence).toMatchObject({ dominant_part: null })
    expect(finding?.title).toContain('no part dominates')
  })

  it('takes slow requests that came together for one chance', () => {
    const paused = [10, 0, 0, 0, 0, 0, 0, 0, 0, 0].map(successes => ({ trials: 10, successes }))
    const judged = (blocks: typeof paused) =>
      slowOperation.judge([{ ...operation, seen_slow_executions: 10, blocks }], live, options)
    expect(judged(paused)).toEqual([])
    expect(judged(paused.map(({ trials }) => ({ trials, successes: 1 })))).toHaveLength(1)
  })

  it('tells what most operations suffer from as one problem', () => {
    const told = (p50_ns: number, service_p50_ns: number, count = 4) =>
      slowOperation
        .judge(
          ['GET /a', 'GET /b', 'GET /c', 'GET /d'].slice(0, count).map(name => ({
            ...operation,
            operation: name,
            p50_ns: durationNs(p50_ns),
            service_p50_ns: durationNs(service_p50_ns),
            service_slow_executions: 400,
          })),
          live,
          options,
        )
        .map(one => one.operation)
    expect(told(90e6, 60e6)).toEqual([''])
    expect(told(600e6, 500e6)).toEqual([''])
    // Too few to be a matter of the service.
    expect(told(600e6, 500e6, 2)).toEqual(['GET /a', 'GET /b'])
    expect(told(600e6, 40e6)).toEqual(['GET /a', 'GET /b', 'GET /c', 'GET /d'])
    expect(told(90e6, 60e6, 3)).toEqual([])
  })

  it.each([
    ['both', 2],
    ['two of three', 3],
  ])('tells operations of a small service that are always slow: %s', (_, service_operations) => {
    const always = {
      ...operation,
      p50_ns: durationNs(2e9),
      p95_ns: durationNs(2e9),
      seen_slow_executions: 100,
      blocks: operation.blocks.map(({ trials }) => ({ trials, successes: trials })),
      service_operations,
      service_p50_ns: durationNs(2e9),
      service_executions: service_operations * 100,
      service_slow_executions: 200,
    }
    const told = ['GET /a', 'GET /b'].map(name => ({ ...always, operation: name }))
    expect(slowOperation.judge(told, live, options)).toMatchObject([
      { operation: 'GET /a', symptom: { isFitful: false } },
      { operation: 'GET /b', symptom: { isFitful: false } },
    ])
  })

  it('asks for slow requests in more than a block or two', () => {
    const judged = (...blocks: [trials: number, successes: number][]) =>
      slowOperation.judge(
        [
          {
            ...operation,
            seen_executions: blocks.reduce((sum, [trials]) => sum + trials, 0),
            seen_slow_executions: blocks.reduce((sum, [, successes]) => sum + successes, 0),
            blocks: blocks.map(([trials, successes]) => ({ trials, successes })),
          },
        ],
        live,
        options,
      )
    expect(judged([20, 20])).toEqual([])
    expect(judged([10, 10], [10, 0])).toEqual([])
    expect(judged([10, 10], [10, 10])).toEqual([])
    expect(judged([10, 10], [10, 10], [10, 10])).toHaveLength(1)
  })

  it('asks for more than what is slow at times in all operations', () => {
    const judged = (service_slow_executions: number) => {
      const fitful = { ...operation, p50_ns: durationNs(90e6), seen_slow_executions: 20 }
      const blocks = operation.blocks.map(({ trials }) => ({ trials, successes: 2 }))
      return slowOperation.judge([{ ...fitful, blocks, service_slow_executions }], live, options)
    }
    expect(judged(25)).toHaveLength(1)
    expect(judged(20 + 0.15 * 700)).toEqual([])
  })

  it('leaves the stragglers of a few requests to chance', () => {
    const few = { ...operation, executions: 20, seen_executions: 20 }
    const judged = (seen_slow_executions: number) =>
      slowOperation.judge([{ ...few, seen_slow_executions }], live, options)
    expect(judged(2)).toEqual([])
    expect(judged(5)).toHaveLength(1)
  })

  it('gives jobs more time than requests', () => {
    const job = { ...operation, kind: 'internal' as const, seen_executions: 1 }
    expect(slowOperation.judge([job], live, options)).toEqual([])
    const long = { ...job, p95_ns: durationNs(90e9) }
    expect(slowOperation.judge([long], live, options)).toHaveLength(1)
  })
})

describe('repeated-call', () => {
  const repeated = {
    ...where,
    kind: 'server' as const,
    call: 'GET tides.example/piers/:id',
    executions: 50,
    seen_executions: 50,
    calls_median: 20,
    calls_max: 20,
    calls_total: 1_000,
    failed_total: 0,
    busy_ns: durationNs(5e9),
    spareable_ns: durationNs(4.75e9),
    mean_call_ns: durationNs(5e6),
    loop_ns: durationNs(5e9),
    code_location: '',
    trace_id: TRACE,
    exemplar_calls: 20,
    span_ids: [SPAN],
  }
  const judged = (changed: Partial<typeof repeated>) =>
    repeatedCall.judge([{ ...repeated, ...changed }], live, repeatedCall.options.parse({}))

  it('tells a loop from tries that fail', () => {
    expect(judged({})[0]).toMatchObject({
      title:
        'GET /piers calls GET tides.example/piers/:id 20 times in one request, one after the other',
      evidence: { reason: 'loop' },
    })
    expect(judged({})[0]?.confidence).toBeLessThanOrEqual(0.7)
    expect(judged({ call: 'harbour.Tides/Today' })).toHaveLength(1)
    expect(judged({ calls_median: 5, failed_total: 900 })[0]?.evidence).toMatchObject({
      reason: 'retries',
      failed_ratio: 0.9,
    })
  })

  it.each([
    ['calls side by side', { spareable_ns: durationNs(0.1e9) }],
    ['tries side by side', { spareable_ns: durationNs(0.1e9), calls_median: 5, failed_total: 900 }],
    ['calls under one path for everything', { call: 'POST tides.example/api/graphql' }],
    ['calls to the root', { call: 'POST dynamodb.example/' }],
    ['calls to a host', { call: 'POST dynamodb.example:8000' }],
    ['a small loop', { calls_median: 4 }],
    ['three tries', { calls_median: 3, failed_total: 900 }],
    ['a job that calls for each of its things', { kind: 'internal' as never }],
    ['what was seen three times', { seen_executions: 3 }],
  ])('says nothing of %s', (_, changed) => {
    expect(judged(changed)).toEqual([])
  })
})

describe('slow-statement', () => {
  it('takes no statement for slow on a machine where each of them is', () => {
    const taking = (name: string, ms: number) => ({
      ...where,
      kind: 'server' as const,
      statement: fingerprint(`00000000000000${name}`),
      text: `SELECT * FROM ${name} WHERE id = ?`,
      summary: `SELECT ${name}`,
      verb: 'SELECT',
      dialect: 'postgresql',
      models: [name],
      operation_ratio: 1,
      operations: 1,
      by_operation: [],
      calls: 50,
      seen_calls: 50,
      failed_calls: 0,
      duration_ns: durationNs(ms * 50e6),
      p10_ns: durationNs(ms * 1e6),
      p50_ns: durationNs(ms * 1e6),
      p95_ns: durationNs(ms * 1e6),
      max_ns: durationNs(ms * 1e6),
      excess_ns: [],
      rows_median: null,
      request_rows_median: null,
      code_location: '',
      trace_id: TRACE,
      span_id: SPAN,
    })
    const told = (...ms: number[]) =>
      slowStatement
        .judge(
          ms.map((each, at) => taking(`a${at}`, each)),
          live,
          slowStatement.options.parse({}),
        )
        .map(({ title }) => title)
    expect(told(62, 65, 60, 69)).toEqual([])
    expect(told(300, 310, 305, 320)).toHaveLength(4)
    const begin = { ...taking('aa', 900), text: 'BEGIN', summary: 'BEGIN', verb: 'BEGIN' }
    expect(slowStatement.judge([begin], live, slowStatement.options.parse({}))).toEqual([])
    expect(told(2, 95, 3, 1)).toEqual([expect.stringContaining('SELECT a1')])
    expect(told(95)).toHaveLength(1)
  })
})

describe('large-result', () => {
  const read = {
    ...where,
    kind: 'server' as const,
    statement: fingerprint('00000000000000aa'),
    text: 'SELECT * FROM tides WHERE pier_id = ?',
    summary: 'SELECT tides',
    verb: 'SELECT',
    dialect: 'postgresql',
    models: ['tides'],
    operation_ratio: 1,
    operations: 1,
    by_operation: [],
    calls: 50,
    seen_calls: 50,
    failed_calls: 0,
    duration_ns: durationNs(2e9),
    p10_ns: durationNs(40e6),
    p50_ns: durationNs(40e6),
    p95_ns: durationNs(40e6),
    max_ns: durationNs(40e6),
    excess_ns: [],
    rows_median: 8_000,
    request_rows_median: 8_000 as number | null,
    code_location: '',
    trace_id: TRACE,
    span_id: SPAN,
  }
  const judged = (changed: Partial<typeof read>) =>
    largeResult.judge([{ ...read, ...changed }], live, largeResult.options.parse({}))

  it('tells rows by the thousand that one request reads', () => {
    expect(judged({})[0]).toMatchObject({
      title: 'SELECT tides returns 8,000 rows with all columns each time, in GET /piers',
      evidence: { rows_median: 8_000, has_limit: false, all_columns: true },
    })
    expect(judged({})[0]?.description).not.toContain('grows with the table')
    expect(judged({ text: 'SELECT name FROM tides' })[0]?.description).toContain(
      'grows with the table',
    )
  })

  it.each([
    ['a page', { request_rows_median: 200 }],
    ['rows that only jobs read', { request_rows_median: null }],
    ['what costs next to nothing', { duration_ns: durationNs(0.1e9) }],
    ['what hardly ever runs', { calls: 10, seen_calls: 10, duration_ns: durationNs(1e9) }],
    ['a job', { kind: 'internal' as never }],
    ['rows that were changed', { verb: 'UPDATE' }],
    ['a few calls', { seen_calls: 4 }],
  ])('says nothing of %s', (_, changed) => {
    expect(judged(changed)).toEqual([])
  })
})

describe('repeated-read', () => {
  const read = {
    ...where,
    kind: 'server' as const,
    statement: fingerprint('00000000000000aa'),
    text: 'SELECT season, sum(cents) FROM dues GROUP BY season',
    summary: 'SELECT dues',
    verb: 'SELECT',
    dialect: 'postgresql',
    models: ['dues'],
    written: [] as string[],
    operation_ratio: 1,
    operations: 1,
    calls: 2_000,
    seen_calls: 2_000,
    executions: 2_000,
    parameters_known: 0,
    distinct_parameters: 1,
    repeated_ratio: 0.98,
    repeated_ns: durationNs(39e9),
    duration_ns: durationNs(40e9),
    code_location: '',
    trace_id: TRACE,
    span_id: SPAN,
  }
  const judged = (changed: Partial<typeof read>) =>
    repeatedRead.judge([{ ...read, ...changed }], live, repeatedRead.options.parse({}))

  it('tells what is asked again and again while nobody changes it', () => {
    expect(judged({})[0]).toMatchObject({
      title:
        'GET /piers asks for SELECT dues 2,000 times, and 98 % of the answers were there already',
      evidence: { expected_hit_ratio: 0.98 },
    })
  })

  it.each([
    ['a table that is written to', { written: ['dues'] }],
    ['what is asked with other parameters each time', { repeated_ratio: 0.3 }],
    ['parameters that are not told', { text: 'SELECT * FROM dues WHERE pier = ?' }],
    ['what costs next to nothing', { duration_ns: durationNs(2e9), repeated_ns: durationNs(2e9) }],
    ['a loop', { executions: 100 }],
    ['the time of day', { text: 'SELECT * FROM dues WHERE due < now()' }],
    ['the user', { text: 'SELECT * FROM dues WHERE owner = CURRENT_USER' }],
    [
      'a write within',
      { text: 'WITH paid AS (UPDATE dues SET paid = true RETURNING id) SELECT id FROM paid' },
    ],
    ['a lock', { text: 'SELECT * FROM dues FOR UPDATE' }],
    ['a question whether somebody is there', { models: [] }],
  ])('says nothing of %s', (_, changed) => {
    expect(judged(changed)).toEqual([])
  })
})

describe('missing-index', () => {
  const scan = {
    table: 'public.cranes',
    tableRows: 50_000,
    estimatedRowsOut: 10,
    filter: 'pier_id = ?',
  }
  const planned = (fullScans: readonly object[], mean_ms = 20, candidateTable = 'cranes') => ({
    ...where,
    kind: 'server' as const,
    statement: fingerprint('00000000000000aa'),
    text: 'SELECT * FROM cranes WHERE pier_id = ?',
    summary: 'SELECT cranes',
    verb: 'SELECT',
    dialect: 'postgresql',
    models: ['cranes'],
    operation_ratio: 1,
    operations: 1,
    by_operation: [],
    calls: 100,
    seen_calls: 100,
    failed_calls: 0,
    duration_ns: durationNs(mean_ms * 100 * 1e6),
    p10_ns: durationNs(mean_ms * 1e6),
    p50_ns: durationNs(mean_ms * 1e6),
    p95_ns: durationNs(mean_ms * 1e6),
    max_ns: durationNs(mean_ms * 1e6),
    excess_ns: [],
    rows_median: null,
    request_rows_median: null,
    code_location: '',
    trace_id: TRACE,
    span_id: SPAN,
    target: 'main',
    collected_at: '2026-03-01 10:00:00.000',
    plan: {
      fact: 'plan' as const,
      subject: '00000000000000aa',
      dialect: 'postgresql',
      text: '',
      plan: { node: 'Seq Scan', children: [] },
      words: ['reads all of cranes'],
      fullScans: fullScans.map(one => ({ ...scan, ...one })),
      sorts: [],
      candidates: [
        {
          table: candidateTable,
          columns: [{ name: 'pier_id', descending: false }],
          predicate: null,
          reason: 'It is compared for equality.',
        },
      ],
    },
  })
  const judged = (row: ReturnType<typeof planned>) =>
    missingIndex.judge([row], live, missingIndex.options.parse({}))

  it('names table, columns, statement and operation, and carries the candidates', () => {
    expect(judged(planned([{}]))[0]).toMatchObject({
      title:
        'SELECT cranes reads all 50,000 rows of public.cranes for want of an index on (pier_id), in GET /piers',
      statement: '00000000000000aa',
      evidence: { table: 'public.cranes', columns: ['pier_id'], candidates: [{ table: 'cranes' }] },
    })
  })

  it.each([
    ['a table of twenty rows', planned([{ tableRows: 20, estimatedRowsOut: 1 }])],
    ['a filter that keeps half of the table', planned([{ estimatedRowsOut: 25_000 }])],
    ['a statement that costs nothing', planned([{}], 0.2)],
    ['a column that nothing can be gained from', planned([{}], 20, 'piers')],
    ['a plan without a full scan', planned([])],
  ])('says nothing of %s', (_, row) => {
    expect(judged(row)).toEqual([])
  })
})

describe('the class of a statement', () => {
  it.each([
    ['SELECT * FROM piers WHERE id = ?', 'lookup'],
    ['SELECT "p"."name" FROM "piers" AS "p" WHERE "p"."uuid" = $1 LIMIT ?', 'lookup'],
    ['SELECT * FROM piers WHERE harbour = ? ORDER BY name LIMIT ?', 'list'],
    ['SELECT count(*) FROM piers', 'aggregate'],
    ['SELECT harbour, max(depth) FROM piers GROUP BY harbour', 'aggregate'],
    ['SELECT * FROM piers p JOIN berths b ON b.pier_id = p.id', 'join'],
    ['SELECT * FROM piers, berths WHERE berths.pier_id = piers.id', 'join'],
  ] as const)('of %s is %s', (text, expected) => {
    expect(statementClass({ verb: 'SELECT', text, rowsMedian: null })).toBe(expected)
  })

  it('is told by the rows where they are known, and by the verb', () => {
    const text = 'SELECT * FROM piers WHERE owner_id = ?'
    expect(statementClass({ verb: 'SELECT', text, rowsMedian: 40 })).toBe('list')
    expect(statementClass({ verb: 'UPDATE', text: '', rowsMedian: null })).toBe('write')
    expect(statementClass({ verb: 'HGETALL', text: '', rowsMedian: null })).toBe('other')
  })
})
