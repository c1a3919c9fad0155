import { expect, it } from 'vitest'
import { durationNs } from '../domain/duration.ts'
import { fingerprint } from '../domain/fingerprint.ts'
import type { Finding } from './analyzer.ts'
import { explainFindings } from './explain-findings.ts'
import type { KindOfFinding } from './track-issues.ts'

const STATEMENT = fingerprint('00000000000000aa')
const LIMITS = { explainedRatio: 0.5 }

function found(kind: string, change: Partial<Finding>): KindOfFinding {
  return {
    kind,
    finding: {
      environment: 'production',
      service: 'harbour',
      operation: 'GET /vessels',
      operationKind: 'server',
      subject: STATEMENT,
      severity: 'medium',
      title: kind,
      description: '',
      confidence: 0.9,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanIds: [],
      evidence: {},
      recoverableNsPerHour: durationNs(1e9),
      ...change,
    },
  }
}

function takes(seconds: number, operation = 'GET /vessels') {
  return [{ operation, kind: 'server' as const, timeNs: durationNs(seconds * 1e9) }]
}

const missingIndex = (seconds: number, change: Partial<Finding> = {}) =>
  found('missing-index', {
    statement: STATEMENT,
    cause: { ofSlowStatement: true, operations: takes(seconds) },
    ...change,
  })
const slowStatement = (seconds: number) =>
  found('slow-statement', {
    statement: STATEMENT,
    symptom: { of: 'statement', timeNs: durationNs(seconds * 1e9) },
    cause: { ofSlowStatement: false, operations: takes(seconds) },
  })
const nPlusOne = (seconds: number) =>
  found('n-plus-one', {
    statement: STATEMENT,
    cause: { ofSlowStatement: false, operations: takes(seconds) },
  })
const slowOperation = (seconds: number, change: Partial<Finding> = {}) =>
  found('slow-operation', {
    symptom: { of: 'operation', timeNs: durationNs(seconds * 1e9) },
    ...change,
  })

function kinds(findings: readonly KindOfFinding[]) {
  const { standing, explained } = explainFindings(findings, LIMITS)
  return {
    standing: standing.map(({ kind }) => kind),
    explained: explained.map(({ kind, by }) => `${kind} by ${by.kind}`),
  }
}

it('lets the missing index stand for its slow statement and the operation that waits for it', () => {
  expect(kinds([slowOperation(10), slowStatement(9), missingIndex(9)])).toEqual({
    standing: ['missing-index'],
    explained: ['slow-statement by missing-index', 'slow-operation by missing-index'],
  })
})

it('keeps a slow operation whose causes take less than half of its time', () => {
  expect(kinds([slowOperation(10), nPlusOne(4)]).standing).toEqual(['slow-operation', 'n-plus-one'])
})

it('adds up what several causes take', () => {
  const other = nPlusOne(3)
  expect(kinds([slowOperation(10), missingIndex(4), other])).toEqual({
    standing: ['missing-index', 'n-plus-one'],
    explained: ['slow-operation by missing-index'],
  })
})

it('does not let an N+1 stand for a statement whose every call is slow', () => {
  expect(kinds([slowStatement(9), nPlusOne(9)]).standing).toEqual(['slow-statement', 'n-plus-one'])
})

it('explains another operation that waits for the same statement, and nothing of another service', () => {
  const cause = missingIndex(9, {
    cause: { ofSlowStatement: true, operations: [...takes(9), ...takes(8, 'GET /crews')] },
  })
  expect(
    kinds([
      cause,
      slowOperation(10, { operation: 'GET /crews' }),
      slowOperation(10, { service: 'pier' }),
    ]),
  ).toEqual({
    standing: ['missing-index', 'slow-operation'],
    explained: ['slow-operation by missing-index'],
  })
})

it('tells in the evidence of the cause what it explains', () => {
  const { standing } = explainFindings([missingIndex(9), slowOperation(10)], LIMITS)
  expect(standing[0]?.finding.evidence).toMatchObject({ explains: [{ kind: 'slow-operation' }] })
})

it('lets what stops the whole process stand for operations that are slow at times', () => {
  const blocked = found('event-loop-block', {
    operation: 'GET /tides',
    cause: { ofSlowStatement: false, ofWholeProcess: true, operations: takes(9, 'GET /tides') },
  })
  const slow = (isFitful: boolean) =>
    slowOperation(10, { symptom: { of: 'operation', timeNs: durationNs(10e9), isFitful } })
  expect(kinds([blocked, slow(true)]).explained).toEqual(['slow-operation by event-loop-block'])
  expect(kinds([blocked, slow(false)]).explained).toEqual([])
})

it('lets causes that take enough of the operations together stand for what these have in common', () => {
  const standing = (...names: string[]) =>
    kinds([
      slowOperation(10, {
        operation: '',
        symptom: {
          of: 'operation',
          timeNs: durationNs(10e9),
          operations: names.map(operation => ({ operation, kind: 'server' })),
        },
      }),
      missingIndex(9, {
        cause: { ofSlowStatement: true, operations: [...takes(4), ...takes(3, 'GET /crews')] },
      }),
    ]).standing
  expect(standing('GET /vessels', 'GET /crews')).toEqual(['missing-index'])
  expect(standing('GET /vessels', 'GET /piers')).toEqual(['slow-operation', 'missing-index'])
})
