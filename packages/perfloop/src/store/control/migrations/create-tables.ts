import { type ColumnDataType, type Kysely, type RawBuilder, sql } from 'kysely'

export type ControlDialect = 'sqlite' | 'postgres'

interface Words {
  readonly uuid: ColumnDataType
  readonly instant: RawBuilder<unknown> | ColumnDataType
  readonly json: ColumnDataType
  readonly real: ColumnDataType
  readonly flag: ColumnDataType
  readonly bytes: ColumnDataType
  isUuid(column: string): RawBuilder<boolean> | undefined
  isInstant(column: string): RawBuilder<boolean> | undefined
  isJson(column: string): RawBuilder<boolean> | undefined
  isFingerprint(column: string): RawBuilder<boolean>
}

const HEX = '[0-9a-f]'
const UUID_GLOB = [8, 4, 4, 4, 12].map(length => HEX.repeat(length)).join('-')
const INSTANT_GLOB = '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:*Z'

const SQLITE: Words = {
  uuid: 'text',
  instant: 'text',
  json: 'text',
  real: 'real',
  flag: 'integer',
  bytes: 'blob',
  isUuid: column => sql`${sql.ref(column)} GLOB ${sql.lit(UUID_GLOB)}`,
  isInstant: column => sql`${sql.ref(column)} GLOB ${sql.lit(INSTANT_GLOB)}`,
  isJson: column => sql`json_valid(${sql.ref(column)})`,
  isFingerprint: column => sql`${sql.ref(column)} GLOB ${sql.lit(HEX.repeat(16))}`,
}

const POSTGRES: Words = {
  uuid: 'uuid',
  instant: 'timestamptz',
  json: 'jsonb',
  real: 'double precision',
  flag: 'boolean',
  bytes: 'bytea',
  isUuid: () => undefined,
  isInstant: () => undefined,
  isJson: () => undefined,
  isFingerprint: column => sql`${sql.ref(column)} ~ '^[0-9a-f]{16}$'`,
}

type Column =
  | 'uuid'
  | 'instant'
  | 'instant?'
  | 'json'
  | 'json?'
  | 'text'
  | 'text?'
  | 'name'
  | 'real'
  | 'count'
  | 'flag'
  | 'bytes'
  | 'fingerprint'
  | 'fingerprint?'

export interface Table {
  readonly name: string
  readonly columns: Readonly<Record<string, Column>>
  readonly oneOf?: Readonly<Record<string, readonly string[]>>
  /** Columns of the primary key; the ledger has its own `sequence`. */
  readonly key: readonly string[]
}

export interface Index {
  readonly name: string
  readonly on: string
  readonly columns: readonly string[]
  readonly unique?: true
}

/** Gone with the row it refers to. */
export interface ForeignKey {
  readonly on: string
  readonly column: string
  readonly to: string
}

export interface Tables {
  readonly tables: readonly Table[]
  readonly indexes: readonly Index[]
  readonly foreignKeys: readonly ForeignKey[]
}

/**
 * SQLite's migrations run outside a transaction (Kysely's choice), so a crash can leave half of them done:
 * each step is therefore one that can be repeated.
 */
export async function createTables(
  db: Kysely<unknown>,
  { tables, indexes, foreignKeys }: Tables,
  dialect: ControlDialect,
): Promise<void> {
  const words = dialect === 'sqlite' ? SQLITE : POSTGRES
  for (const table of tables) await createTable(db, table, foreignKeys, words, dialect)
  for (const { name, on, columns, unique } of indexes) {
    const index = db.schema.createIndex(name).ifNotExists().on(on)
    const keys = columns.map(column => {
      const [reference = column, direction] = column.split(' ')
      return direction === 'desc' ? sql`${sql.ref(reference)} desc` : sql`${sql.ref(reference)}`
    })
    const complete = index.expression(sql`${sql.join(keys)}`)
    await (unique === true ? complete.unique() : complete).execute()
  }
}

async function createTable(
  db: Kysely<unknown>,
  table: Table,
  foreignKeys: readonly ForeignKey[],
  words: Words,
  dialect: ControlDialect,
): Promise<void> {
  let builder = db.schema.createTable(table.name).ifNotExists()
  if (table.name === 'ledger') {
    // The order of entries within one millisecond.
    builder =
      dialect === 'sqlite'
        ? builder.addColumn('sequence', 'integer', column => column.primaryKey().autoIncrement())
        : builder.addColumn('sequence', 'bigint', column =>
            column.primaryKey().generatedAlwaysAsIdentity(),
          )
  }

  for (const [name, type] of Object.entries(table.columns)) {
    builder = builder.addColumn(name, dataType(type, words), column =>
      type.endsWith('?') ? column : column.notNull(),
    )
    const check = checkOf(name, type, words)
    if (check !== undefined) {
      builder = builder.addCheckConstraint(`${table.name}_${name}_shape`, check)
    }
  }
  for (const [name, values] of Object.entries(table.oneOf ?? {})) {
    builder = builder.addCheckConstraint(
      `${table.name}_${name}_known`,
      sql`${sql.ref(name)} in (${sql.join(values.map(value => sql.lit(value)))})`,
    )
  }
  for (const { on, column, to } of foreignKeys) {
    if (on !== table.name) continue
    builder = builder.addForeignKeyConstraint(
      `${on}_${column}_exists`,
      [column as never],
      to,
      ['id'],
      constraint => constraint.onDelete('cascade'),
    )
  }
  if (table.key.length > 0) {
    builder = builder.addPrimaryKeyConstraint(`${table.name}_key`, table.key as never)
  }
  await builder.execute()
}

function dataType(type: Column, words: Words) {
  switch (type) {
    case 'uuid':
      return words.uuid
    case 'instant':
    case 'instant?':
      return words.instant as ColumnDataType
    case 'json':
    case 'json?':
      return words.json
    case 'real':
      return words.real
    case 'count':
      return 'integer'
    case 'flag':
      return words.flag
    case 'bytes':
      return words.bytes
    default:
      return 'text'
  }
}

function checkOf(name: string, type: Column, words: Words): RawBuilder<boolean> | undefined {
  switch (type) {
    case 'uuid':
      return words.isUuid(name)
    case 'instant':
    case 'instant?':
      return words.isInstant(name)
    case 'json':
    case 'json?':
      return words.isJson(name)
    case 'fingerprint':
    case 'fingerprint?':
      return words.isFingerprint(name)
    case 'name':
      return sql`${sql.ref(name)} <> ''`
    case 'count':
    case 'real':
      return sql`${sql.ref(name)} >= 0`
    default:
      return undefined
  }
}
