import type { Comparison, Impact } from '@perfloop/client'
import { describe, expect, it } from 'vitest'
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
