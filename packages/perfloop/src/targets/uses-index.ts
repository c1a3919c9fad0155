import type { PlanNode } from '../store/telemetry/target-facts.ts'
import { tableName } from './table-access.ts'

/** Whether a plan reads an index, by name, schema left aside. */
export function usesIndex(plan: PlanNode, index: string): boolean {
  const name = tableName(index)
  return plan.index === name || plan.children.some(child => usesIndex(child, index))
}
