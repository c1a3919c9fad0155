import type { Fingerprint } from '../../domain/fingerprint.ts'
import type { CandidateIndex } from '../../targets/candidate-indexes.ts'
import type { ExplainableStatement } from '../../targets/explainable-statement.ts'

export interface StatementToProve {
  readonly statement: Fingerprint
  readonly text: string
  readonly explainable: ExplainableStatement
  readonly candidates: readonly CandidateIndex[]
  /** What speeding it up is worth against the others. */
  readonly weight: number
}

export interface ProvenPlan {
  readonly cost: number
  readonly words: readonly string[]
  /** Those of the indexes asked about that the plan reads. */
  readonly used: ReadonlySet<CandidateIndex>
}

/** Asks a planner what it would do if indexes were there. The target's data and schema stay as they are. */
export interface Prover extends AsyncDisposable {
  readonly method: 'hypopg' | 'statistics-copy' | 'sqlite-copy'
  /** Undefined where the planner cannot explain the statement. */
  explain(
    statement: StatementToProve,
    indexes: readonly CandidateIndex[],
  ): Promise<ProvenPlan | undefined>
}

/** A planner that is asked no more when the time is over: what is proven by then counts. */
export function withinTime(prover: Prover, timeoutMs: number): Prover {
  const endsAtMs = performance.now() + timeoutMs
  return {
    method: prover.method,
    explain: async (statement, indexes) =>
      performance.now() < endsAtMs ? prover.explain(statement, indexes) : undefined,
    [Symbol.asyncDispose]: () => prover[Symbol.asyncDispose](),
  }
}
