import type { SpanKind } from '../domain/span.ts'
import type { Settings } from '../settings/settings.ts'
import type { Finding } from './analyzer.ts'
import type { KindOfFinding } from './track-issues.ts'

/** A finding that only says that something is slow, with the one that says why. */
export interface ExplainedFinding extends KindOfFinding {
  readonly by: KindOfFinding
}

export interface ExplainedFindings {
  /** Problems of their own; what they explain is in their evidence, under `explains`. */
  readonly standing: readonly KindOfFinding[]
  readonly explained: readonly ExplainedFinding[]
}

/**
 * One cause shows in many ways: without an index its statement is slow, and so is the request that waits for it.
 * Each of them is true, and only one is a problem to solve. A finding that tells that a statement or an operation
 * is slow is filed under the findings that tell why, when those account for enough of the time.
 */
export function explainFindings(
  findings: readonly KindOfFinding[],
  { explainedRatio }: Pick<Settings['analysis'], 'explainedRatio'>,
): ExplainedFindings {
  // Statements first: what explains a statement explains its operation too, and is nearer to the cure.
  const statements = fileUnder(findings, 'statement', causes => causes[0])
  const operations = fileUnder(statements.standing, 'operation', (causes, symptom) => {
    const accountedNs = causes.reduce((sum, cause) => sum + timeIn(cause, symptom), 0)
    if (accountedNs >= timeOf(symptom) * explainedRatio) return causes[0]
    return symptom.finding.symptom?.isFitful === true
      ? causes.find(({ finding }) => finding.cause?.ofWholeProcess === true)
      : undefined
  })
  const explained = [...statements.explained, ...operations.explained]
  const standing = operations.standing.map(found => withExplained(found, explained))
  return { standing, explained }
}

/** Takes out the symptoms for which `choose` finds one among their causes, the heaviest of which comes first. */
function fileUnder(
  findings: readonly KindOfFinding[],
  level: 'statement' | 'operation',
  choose: (causes: readonly KindOfFinding[], symptom: KindOfFinding) => KindOfFinding | undefined,
): ExplainedFindings {
  const standing: KindOfFinding[] = []
  const explained: ExplainedFinding[] = []
  for (const symptom of findings) {
    const causes =
      symptom.finding.symptom?.of === level
        ? findings
            .filter(found => isCause(found.finding, symptom.finding, level))
            .toSorted((a, b) => timeIn(b, symptom) - timeIn(a, symptom))
        : []
    const by = choose(causes, symptom)
    if (by === undefined) standing.push(symptom)
    else explained.push({ ...symptom, by })
  }
  return { standing, explained }
}

function isCause(
  { cause, environment, service, statement }: Finding,
  symptom: Finding,
  level: 'statement' | 'operation',
): boolean {
  if (cause === undefined) return false
  if (environment !== symptom.environment || service !== symptom.service) return false
  if (level === 'operation') return true
  return cause.ofSlowStatement && statement !== undefined && statement === symptom.statement
}

/** What a cause takes of the time of the operations that the symptom is about. */
function timeIn(cause: KindOfFinding, symptom: KindOfFinding): number {
  const { operation, operationKind, symptom: shown } = symptom.finding
  const about = operation === '' ? shown?.operations : [{ operation, kind: operationKind }]
  const names = new Set(about?.map(nameOf))
  const places = cause.finding.cause?.operations ?? []
  return places
    .filter(place => names.has(nameOf(place)))
    .reduce((sum, { timeNs }) => sum + timeNs, 0)
}

function nameOf({ operation, kind }: { readonly operation: string; readonly kind: SpanKind }) {
  return `${kind} ${operation}`
}

function timeOf({ finding }: KindOfFinding): number {
  return finding.symptom?.timeNs ?? 0
}

function withExplained(
  found: KindOfFinding,
  explained: readonly ExplainedFinding[],
): KindOfFinding {
  const own = explained.filter(({ by }) => by.finding === found.finding)
  if (own.length === 0) return found
  const explains = own.map(({ kind, finding }) => ({
    kind,
    title: finding.title,
    trace_id: finding.traceId,
    evidence: finding.evidence,
  }))
  return {
    ...found,
    finding: { ...found.finding, evidence: { ...found.finding.evidence, explains } },
  }
}
