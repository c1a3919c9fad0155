import { z } from 'zod'
import { durationNs } from '../domain/duration.ts'
import { fingerprint } from '../domain/fingerprint.ts'
import { SEVERITIES } from '../domain/severity.ts'
import { SPAN_KINDS } from '../domain/span.ts'
import type { Analyzer, Finding, WatchedService, Window } from './analyzer.ts'

/** What an analyzer needs to judge; plain values, so that it can travel to another thread. */
export interface JudgeRequest {
  readonly kind: string
  readonly rows: readonly unknown[]
  readonly window: Window
  readonly options: unknown
}

export type JudgeAnswer =
  | {
      readonly status: 'judged'
      readonly findings: readonly Finding[]
      /** Services whose silence means something; all of them when left out. */
      readonly watched?: readonly WatchedService[]
    }
  | { readonly status: 'failed'; readonly reason: string }

/** Names of operations and statements can be of any length; a title is one line. */
const MAX_TITLE = 500
const MAX_DESCRIPTION = 5_000

function cutTo(length: number): (text: string) => string {
  return text => (text.length > length ? `${text.slice(0, length - 1)}…` : text)
}

const nanoseconds = () => z.number().min(0).transform(durationNs)

/** Analyzers are strangers' code: what comes back is checked before it becomes an issue. */
const CheckedFinding = z.object({
  environment: z.string(),
  service: z.string(),
  operation: z.string(),
  operationKind: z.enum(SPAN_KINDS),
  subject: z.string().transform(fingerprint),
  operationIsIncidental: z.boolean().optional(),
  severity: z.enum(SEVERITIES),
  title: z.string().min(1).transform(cutTo(MAX_TITLE)),
  description: z.string().transform(cutTo(MAX_DESCRIPTION)),
  confidence: z.number().min(0).max(1),
  statement: z.string().transform(fingerprint).optional(),
  statementText: z.string().optional(),
  codeLocation: z.string().optional(),
  traceId: z.string(),
  spanIds: z.array(z.string()).max(1_000),
  evidence: z.record(z.string(), z.json()),
  symptom: z
    .object({
      of: z.enum(['statement', 'operation']),
      timeNs: nanoseconds(),
      isFitful: z.boolean().default(false),
      operations: z
        .array(z.object({ operation: z.string(), kind: z.enum(SPAN_KINDS) }))
        .default([]),
    })
    .optional(),
  cause: z
    .object({
      ofSlowStatement: z.boolean(),
      ofWholeProcess: z.boolean().default(false),
      operations: z.array(
        z.object({ operation: z.string(), kind: z.enum(SPAN_KINDS), timeNs: nanoseconds() }),
      ),
    })
    .optional(),
  recoverableNsPerHour: nanoseconds(),
})

const CheckedService = z.object({ environment: z.string(), service: z.string() })

/** One analyzer over its rows. A broken one costs its own findings, never its neighbours'. */
export function judge(analyzers: readonly Analyzer[], request: JudgeRequest): JudgeAnswer {
  const analyzer = analyzers.find(({ kind }) => kind === request.kind)
  if (analyzer === undefined)
    return { status: 'failed', reason: `no analyzer is called ${request.kind}` }
  try {
    const { rows, window, options } = request
    const findings = checked(analyzer.judge(rows, window, options))
    const watched = analyzer.watches?.(rows, window, options)
    return {
      status: 'judged',
      findings,
      ...(watched === undefined ? {} : { watched: z.array(CheckedService).parse(watched) }),
    }
  } catch (error) {
    return { status: 'failed', reason: error instanceof Error ? error.message : String(error) }
  }
}

function checked(findings: readonly Finding[]): readonly Finding[] {
  return z
    .array(CheckedFinding)
    .parse(findings)
    .map(finding => withoutUndefined(finding))
}

/** `exactOptionalPropertyTypes`: what is not told is absent. */
function withoutUndefined(finding: z.output<typeof CheckedFinding>): Finding {
  const { operationIsIncidental, statement, statementText, codeLocation, symptom, cause, ...rest } =
    finding
  return {
    ...rest,
    ...(operationIsIncidental === undefined ? {} : { operationIsIncidental }),
    ...(statement === undefined ? {} : { statement }),
    ...(statementText === undefined ? {} : { statementText }),
    ...(codeLocation === undefined ? {} : { codeLocation }),
    ...(symptom === undefined ? {} : { symptom }),
    ...(cause === undefined ? {} : { cause }),
  }
}
