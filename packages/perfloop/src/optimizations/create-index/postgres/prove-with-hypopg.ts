import { z } from 'zod'
import type { TableFact } from '../../../store/telemetry/target-facts.ts'
import type { CandidateIndex } from '../../../targets/candidate-indexes.ts'
import { explainGeneric } from '../../../targets/postgres/explain.ts'
import type { Session } from '../../../targets/postgres/open-session.ts'
import { readPlan } from '../../../targets/postgres/read-plan.ts'
import { usesIndex } from '../../../targets/uses-index.ts'
import { ownedInPostgres } from '../index-definition.ts'
import type { Prover } from '../prover.ts'

const Created = z.object({ indexname: z.string() })

/**
 * HypoPG's indexes exist in the memory of one connection and for EXPLAIN only: the target's own planner
 * answers, with its own statistics, and nothing of the target is touched.
 */
export function proveWithHypopg(session: Session, tables: readonly TableFact[]): Prover {
  return {
    method: 'hypopg',
    async explain(statement, indexes) {
      try {
        const names = new Map<CandidateIndex, string>()
        for (const index of indexes) {
          const [created] = await session.rows(
            Created,
            'SELECT indexname::text AS indexname FROM hypopg_create_index($1)',
            [ownedInPostgres(index).definition],
          )
          if (created !== undefined) names.set(index, created.indexname)
        }
        const plan = await explainGeneric(session, statement.explainable)
        return {
          cost: plan.cost ?? 0,
          words: readPlan(plan, { tables, indexes: [] }).words.map(sentence =>
            withRealNames(sentence, names),
          ),
          used: new Set(
            indexes.filter(index => {
              const name = names.get(index)
              return name !== undefined && usesIndex(plan, name)
            }),
          ),
        }
      } catch {
        return undefined
      } finally {
        await session.run('SELECT hypopg_reset()')
      }
    },
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]()
    },
  }
}

/** `<13543>btree_orders_customer_id` → the name the index would have. */
function withRealNames(sentence: string, names: ReadonlyMap<CandidateIndex, string>): string {
  let readable = sentence
  for (const [index, name] of names) {
    readable = readable.replaceAll(name, ownedInPostgres(index).name)
  }
  return readable
}

export async function hasHypopg(session: Session): Promise<boolean> {
  const found = await session.rows(
    z.object({ extname: z.string() }),
    "SELECT extname FROM pg_extension WHERE extname = 'hypopg'",
  )
  return found.length > 0
}
