import { z } from 'zod'
import type { PlanNode } from '../../store/telemetry/target-facts.ts'
import type { ExplainableStatement } from '../explainable-statement.ts'
import type { Session } from './open-session.ts'

/**
 * The plan of a statement whose parameters nobody knows. PostgreSQL 16 has it as EXPLAIN (GENERIC_PLAN);
 * before, a prepared statement under `plan_cache_mode = force_generic_plan` gives the same plan, whatever
 * values it is executed with, so it is explained with NULLs. Nothing is executed either way, and the
 * transaction around it can only read.
 */
export async function explainGeneric(
  session: Session,
  statement: ExplainableStatement,
): Promise<PlanNode> {
  await session.run('BEGIN TRANSACTION READ ONLY')
  try {
    return await explainIn(session, statement)
  } finally {
    await session.run('ROLLBACK')
  }
}

/** Within the transaction the caller has begun. */
export async function explainIn(
  session: Session,
  statement: ExplainableStatement,
): Promise<PlanNode> {
  const rows =
    session.majorVersion >= FIRST_WITH_GENERIC_PLAN || statement.placeholders === 0
      ? await session.run(`EXPLAIN (${options(session, statement)}) ${statement.text}`)
      : await explainPrepared(session, statement)
  return toPlanNode(ExplainRow.parse(rows[0])['QUERY PLAN'][0].Plan)
}

const FIRST_WITH_GENERIC_PLAN = 16

function options(session: Session, statement: ExplainableStatement): string {
  const generic = statement.placeholders > 0 && session.majorVersion >= FIRST_WITH_GENERIC_PLAN
  return generic ? 'GENERIC_PLAN, FORMAT JSON' : 'FORMAT JSON'
}

async function explainPrepared(
  session: Session,
  statement: ExplainableStatement,
): Promise<readonly unknown[]> {
  const nulls = new Array<string>(statement.placeholders).fill('NULL').join(', ')
  await session.run('SET LOCAL plan_cache_mode = force_generic_plan')
  await session.run(`PREPARE perfloop_statement AS ${statement.text}`)
  try {
    return await session.run(`EXPLAIN (FORMAT JSON) EXECUTE perfloop_statement(${nulls})`)
  } finally {
    // What is prepared outlives the transaction, and an aborted one would refuse to let it go.
    await session.run('ROLLBACK')
    await session.run('DEALLOCATE perfloop_statement')
  }
}

interface ExplainedNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string | undefined
  readonly Schema?: string | undefined
  readonly 'Index Name'?: string | undefined
  readonly 'Index Cond'?: string | undefined
  readonly 'Recheck Cond'?: string | undefined
  readonly 'Hash Cond'?: string | undefined
  readonly 'Merge Cond'?: string | undefined
  readonly 'Join Filter'?: string | undefined
  readonly Filter?: string | undefined
  readonly 'Sort Key'?: readonly string[] | undefined
  readonly 'Plan Rows'?: number | undefined
  readonly 'Workers Planned'?: number | undefined
  readonly 'Total Cost'?: number | undefined
  readonly Plans?: readonly ExplainedNode[] | undefined
}

const ExplainedNode: z.ZodType<ExplainedNode> = z.lazy(() =>
  z.object({
    'Node Type': z.string(),
    'Relation Name': z.string().optional(),
    Schema: z.string().optional(),
    'Index Name': z.string().optional(),
    'Index Cond': z.string().optional(),
    'Recheck Cond': z.string().optional(),
    'Hash Cond': z.string().optional(),
    'Merge Cond': z.string().optional(),
    'Join Filter': z.string().optional(),
    Filter: z.string().optional(),
    'Sort Key': z.array(z.string()).optional(),
    'Plan Rows': z.number().optional(),
    'Workers Planned': z.number().optional(),
    'Total Cost': z.number().optional(),
    Plans: z.array(ExplainedNode).optional(),
  }),
)

const ExplainRow = z.object({ 'QUERY PLAN': z.tuple([z.object({ Plan: ExplainedNode })]) })

/** `processes`: what the rows of a node below Gather are divided by. */
function toPlanNode(node: ExplainedNode, processes = 1): PlanNode {
  const below = processes * processesOf(node['Workers Planned'] ?? 0)
  return {
    node: node['Node Type'],
    table: node['Relation Name'],
    index: node['Index Name'],
    condition:
      node['Index Cond'] ??
      node['Recheck Cond'] ??
      node['Hash Cond'] ??
      node['Merge Cond'] ??
      node['Sort Key']?.join(', '),
    filter: node.Filter ?? node['Join Filter'],
    estimatedRows: Math.round((node['Plan Rows'] ?? 0) * processes),
    cost: node['Total Cost'],
    children: (node.Plans ?? []).map(child => toPlanNode(child, below)),
  }
}

/** As PostgreSQL counts: the leader helps its workers, less the more of them it serves (get_parallel_divisor). */
function processesOf(workers: number): number {
  return workers + Math.max(0, 1 - 0.3 * workers)
}
