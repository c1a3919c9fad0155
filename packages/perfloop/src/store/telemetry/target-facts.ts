import { z } from 'zod'

/** Functions of one text that give the same for it always, and so can be indexed. */
export const FOLDING = ['lower', 'upper'] as const
export type Folding = (typeof FOLDING)[number]

/** What targets write into `target_facts`, by `fact`. One vocabulary for PostgreSQL, MySQL and SQLite. */
export const TableFact = z.object({
  fact: z.literal('table'),
  subject: z.string().describe('schema.table, or table where there are no schemas'),
  rows: z.number().describe('Estimated rows'),
  sizeBytes: z.number(),
  sequentialScans: z
    .number()
    .nullable()
    .describe('Since the statistics were reset; null where not told'),
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      nullable: z.boolean(),
      /** Distinct values; negative is a share of the rows, as in pg_stats. Null: no statistics. */
      distinctValues: z.number().nullable(),
      nullRatio: z.number().nullable(),
      correlation: z.number().nullable(),
    }),
  ),
})

export const IndexFact = z.object({
  fact: z.literal('index'),
  subject: z.string().describe('Index name, with its schema'),
  table: z.string(),
  definition: z.string(),
  columns: z.array(z.string()).describe('Key columns or expressions, in order'),
  unique: z.boolean(),
  partial: z.string().nullable().describe('Predicate of a partial index'),
  valid: z.boolean(),
  scans: z.number().nullable(),
  sizeBytes: z.number().nullable(),
})

/** One node of a plan, in the words of every engine. */
export interface PlanNode {
  /** Seq Scan, Index Scan, Sort, … in PostgreSQL's words; SCAN, SEARCH, TEMP B-TREE in SQLite's. */
  readonly node: string
  readonly table?: string | undefined
  readonly index?: string | undefined
  readonly condition?: string | undefined
  readonly filter?: string | undefined
  readonly estimatedRows?: number | undefined
  readonly cost?: number | undefined
  readonly children: readonly PlanNode[]
}

export const PlanNode: z.ZodType<PlanNode> = z.lazy(() =>
  z.object({
    node: z.string(),
    table: z.string().optional(),
    index: z.string().optional(),
    condition: z.string().optional(),
    filter: z.string().optional(),
    estimatedRows: z.number().optional(),
    cost: z.number().optional(),
    children: z.array(PlanNode),
  }),
)

/** A plan of a statement without its literals. */
export const PlanFact = z.object({
  fact: z.literal('plan'),
  subject: z.string().describe('Fingerprint of the statement'),
  dialect: z.string(),
  text: z.string().describe('The statement as it was explained'),
  plan: PlanNode,
  words: z.array(z.string()).describe('The plan as sentences: which index, which scan, which sort'),
  /** A scan of a whole table that a filter then throws most of away: what an index could spare. */
  fullScans: z.array(
    z.object({
      table: z.string(),
      tableRows: z.number(),
      rowsRead: z
        .number()
        .optional()
        .describe('Fewer than the table has where a limit ends the scan'),
      estimatedRowsOut: z.number(),
      filter: z.string().nullable(),
    }),
  ),
  sorts: z.array(z.object({ keys: z.array(z.string()), table: z.string().nullable() })),
  /** Indexes that would help, not yet proven; equality columns first. The optimizer proves them. */
  candidates: z.array(
    z.object({
      table: z.string(),
      columns: z.array(
        z.object({
          name: z.string(),
          descending: z.boolean(),
          within: z.enum(FOLDING).optional().describe('The function around the column'),
        }),
      ),
      predicate: z.string().nullable().describe('For a partial index'),
      reason: z.string(),
      together: z
        .string()
        .optional()
        .describe('Those with the same word help only together: one for each branch of an OR'),
    }),
  ),
  /** Services whose statements run on this target; absent or empty: all of its environment. */
  services: z.array(z.string()).optional(),
  /** Why an ordinary index would not help some of its conditions. */
  obstacles: z.array(z.string()).optional(),
  /** What had to be supposed to explain it without its literals. */
  assumptions: z.array(z.string()).optional(),
})

export const TargetFact = z.discriminatedUnion('fact', [TableFact, IndexFact, PlanFact])
export type TableFact = z.output<typeof TableFact>
export type IndexFact = z.output<typeof IndexFact>
export type PlanFact = z.output<typeof PlanFact>
export type TargetFact = z.output<typeof TargetFact>
