import type { Comparison, Impact } from '@perfloop/client'
import { describe, expect, it } from 'vitest'
import { componentTerms } from './health/component-terms.ts'
import { readExplained, readLists, readTables, readTerms } from './issue/read-evidence.ts'
import { decidingComparison } from './optimization/deciding-comparison.ts'
import { judge, readObjectives } from './overview/objectives.ts'
import { readOtlpAddress } from './send/otlp-address.ts'
import { toTargetInput } from './targets/target-input.ts'

describe('the objectives of the key figures', () => {
  it('come from the settings, in the units of the API', () => {
    const settings = [
      setting('objectives.p95Ms', 500),
      setting('objectives.errorRatio', 0.01),
      setting('server.port', 4600),
    ]
    expect(readObjectives(settings)).toEqual({
      p50Ns: undefined,
      p95Ns: 500e6,
      errorRatio: 0.01,
    })
  })

  it('are met at the limit, and not judged without a number', () => {
    expect([judge(5, 5), judge(6, 5), judge(undefined, 5), judge(5, undefined)]).toEqual([
      'met',
      'missed',
      undefined,
      undefined,
    ])
  })
})

describe('the comparison shown in one line', () => {
  it('is the first in order of interest that agrees with the verdict', () => {
    const impact = toImpact('improved', [
      ['throughput', 'no_effect'],
      ['db_ns', 'improved'],
      ['p50_ns', 'improved'],
      ['p95_ns', 'inconclusive'],
    ])
    expect(decidingComparison(impact)?.metric).toBe('p50_ns')
  })

  it('is the first in order when none agrees, and none when there is none', () => {
    const impact = toImpact('inconclusive', [
      ['db_ns', 'no_effect'],
      ['p95_ns', 'no_effect'],
    ])
    expect(decidingComparison(impact)?.metric).toBe('p95_ns')
    expect(decidingComparison(toImpact('improved', []))).toBeUndefined()
  })
})

describe('where to send', () => {
  it('is the ports in force on the host the reader came by', () => {
    const settings = [setting('ingest.otlpHttpPort', 5318), setting('ingest.otlpGrpcPort', 0)]
    expect(readOtlpAddress(settings, 'perf.example')).toEqual({
      http: 'http://perf.example:5318',
      grpc: 'http://perf.example:4317',
    })
  })
})

describe('a target from its form', () => {
  it('has the options of its kind and a clean list of services', () => {
    const form = new FormData()
    form.set('name', ' shop ')
    form.set('environment', 'production')
    form.set('services', 'shop, worker,,')
    form.set('address', '/srv/app.db')
    expect(toTargetInput('sqlite', form)).toEqual({
      kind: 'sqlite',
      name: 'shop',
      environment: 'production',
      services: ['shop', 'worker'],
      options: { file: '/srv/app.db' },
    })
    form.set('address', 'postgresql://a@b/c')
    expect(toTargetInput('postgres', form).options).toEqual({ url: 'postgresql://a@b/c' })
  })
})

describe('the evidence of an issue', () => {
  const loop = {
    pattern: '25',
    calls: 1_725,
    calls_per_execution_median: 25,
    calls_per_execution_max: 25,
    distinct_parameters_ratio: 1,
    parameters_known_ratio: 0,
    mean_call_ns: 661_661,
    calls_at_once: 1,
    exemplar_entry_span_id: 'e5a66d0933a3590f',
    parent_rows: null,
    dialect: 'postgresql',
    levels: [{ depth: 1, statement: '877372fbdefd5748', summary: 'SELECT a', calls: 25 }],
  }

  it('is told in words, without what says nothing', () => {
    expect(readTerms(loop).map(({ term, value }) => `${term}: ${value}`)).toEqual([
      'Calls: 1,725',
      'Calls in one execution: 25',
      'One call: 662 µs',
    ])
    expect(readTables(loop)).toEqual([])
    expect(readTerms({ operations: 1, operation_ratio: 1 })).toEqual([])
    expect(readTerms({ operations: 3, operation_ratio: 0.5 })).toEqual([
      { key: 'operations', term: 'Called by', value: '3 operations' },
      { key: 'operation_ratio', term: 'Of it by the first of them', value: '50.0 %' },
    ])
  })

  it('puts an interval behind its value', () => {
    const failures = { failed_ratio: 0.25, failed_ratio_low: 0.16, failed_ratio_high: 0.35 }
    expect(readTerms(failures)).toEqual([
      { key: 'failed_ratio', term: 'Share that failed', value: '25.0 % (16.0 % to 35.0 %)' },
    ])
  })

  it('keeps of a table what tells something, under names that people read', () => {
    const scan = { table: 'orders', tableRows: 9_000, rowsRead: 9_000, estimatedRowsOut: 2 }
    const candidate = { table: 'orders', columns: [], predicate: null, reason: 'rows are found' }
    const tables = readTables({ full_scans: [scan], candidates: [candidate], sorts: [{}] })
    expect(tables.map(({ title, columns }) => [title, columns.map(({ label }) => label)])).toEqual([
      ['What is read', ['Table', 'Rows', 'Kept']],
      ['Indexes that would help', ['Table', 'Columns', 'Since']],
    ])
    expect(readTables({ of_a_plugin: [{ shard: 'a', wait_ns: 5 }] })).toMatchObject([
      { title: 'Of a plugin', columns: [{ label: 'Shard' }, { label: 'Wait' }] },
    ])
  })

  it('lists a plan, and what the problem causes elsewhere', () => {
    const explains = [
      { kind: 'slow-operation', title: 'GET / is slow', trace_id: 'ab', evidence: {} },
    ]
    expect(readLists({ plan_words: ['scans all'], columns: ['a'], callers: [{}] })).toEqual([
      { key: 'plan_words', title: 'Its plan', lines: ['scans all'] },
    ])
    expect(readExplained({ explains })).toEqual([
      { kind: 'slow-operation', title: 'GET / is slow', traceId: 'ab' },
    ])
  })
})

describe('a component of Perfloop', () => {
  it('tells of each stage in one line, and of faults where there are some', () => {
    const numbers = { apply_runs: 3, apply_faults: 0, apply_last_ms: 66.5 }
    expect(componentTerms(numbers)).toEqual([
      { term: 'Apply', value: '3 runs, the last took 66.5 ms' },
    ])
    expect(componentTerms({ ...numbers, apply_faults: 1 })).toMatchObject([
      { value: '3 runs, 1 fault, the last took 66.5 ms' },
    ])
  })

  it('says the unit of what it holds', () => {
    expect(componentTerms({ bytes: 2_048, oldest_ms: 1_500, torn_tails: 0 })).toEqual([
      { term: 'Holds', value: '2.00 KiB' },
      { term: 'Oldest has waited', value: '1.50 s' },
      { term: 'Torn tails', value: '0' },
    ])
  })
})

function setting(key: string, value: unknown) {
  return { key, value, source: 'default' as const, description: '' }
}

function toImpact(
  verdict: Impact['verdict'],
  comparisons: readonly (readonly [Comparison['metric'], Comparison['verdict']])[],
): Impact {
  const window = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' }
  return {
    verdict,
    reason: '',
    before: window,
    after: window,
    comparisons: comparisons.map(([metric, each]) => ({
      operation: { environment: 'e', service: 's', operation: 'o', kind: 'server' },
      metric,
      before: 1,
      after: 1,
      change: 0,
      change_low: 0,
      change_high: 0,
      confidence: 0.95,
      p_value: 1,
      before_count: 1,
      after_count: 1,
      before_blocks: 1,
      after_blocks: 1,
      verdict: each,
    })),
  }
}
