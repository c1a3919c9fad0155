import type { SelectQueryBuilder } from 'kysely'
import type { ControlTables } from '../tables.ts'

/** How many rows a filter lets through, of which a list shows a page. */
export async function totalOf<Table extends keyof ControlTables>(
  matching: SelectQueryBuilder<ControlTables, Table, object>,
): Promise<number> {
  const { total } = await matching
    .select(eb => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  return Number(total)
}
