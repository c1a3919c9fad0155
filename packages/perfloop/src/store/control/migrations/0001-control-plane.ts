import { type Kysely, sql } from 'kysely'
import { ISSUE_STATUSES } from '../../../domain/issue.ts'
import { OPTIMIZATION_STATUSES } from '../../../domain/optimization.ts'
import { SEVERITIES } from '../../../domain/severity.ts'
import { SPAN_KINDS } from '../../../domain/span.ts'
import {
  type ControlDialect,
  createTables,
  type ForeignKey,
  type Index,
  type Table,
} from './create-tables.ts'

/**
 * The same tables on both engines, with each engine's own types: UUID, timestamptz and jsonb on PostgreSQL;
 * checked text on SQLite. What is wrong is refused by the database itself, whoever writes.
 */
export function controlPlane(dialect: ControlDialect) {
  return {
    up: (db: Kysely<unknown>) => up(db, dialect),
    down: (db: Kysely<unknown>) => down(db, dialect),
  }
}

const TABLES: readonly Table[] = [
  {
    name: 'performance_issues',
    key: ['id'],
    columns: {
      id: 'uuid',
      kind: 'name',
      title: 'name',
      description: 'text',
      severity: 'text',
      status: 'text',
      environment: 'text',
      service: 'text',
      operation: 'text',
      operation_kind: 'text',
      fingerprint: 'fingerprint',
      statement: 'fingerprint?',
      statement_text: 'text?',
      code_location: 'text?',
      confidence: 'real',
      recoverable_ns_per_hour: 'real',
      evidence: 'json',
      exemplar_trace: 'text',
      exemplar_spans: 'json',
      windows_seen: 'count',
      first_seen: 'instant',
      last_seen: 'instant',
      ignored_until: 'instant?',
      ignore_reason: 'text?',
      created_at: 'instant',
      updated_at: 'instant',
    },
    oneOf: { severity: SEVERITIES, status: ISSUE_STATUSES, operation_kind: SPAN_KINDS },
  },
  {
    name: 'issue_history',
    key: ['issue_id', 'at'],
    columns: { issue_id: 'uuid', at: 'instant', recoverable_ns_per_hour: 'real' },
  },
  {
    name: 'performance_optimizations',
    key: ['id'],
    columns: {
      id: 'uuid',
      type: 'name',
      title: 'name',
      description: 'text',
      status: 'text',
      environment: 'text',
      service: 'text',
      target_id: 'text',
      change: 'text',
      undo: 'text',
      risk: 'text',
      recommendation: 'json',
      expected_gain: 'json',
      recoverable_ns_per_hour: 'real',
      impact: 'json?',
      failure: 'json?',
      change_key: 'name',
      applied_at: 'instant?',
      created_at: 'instant',
      updated_at: 'instant',
    },
    oneOf: { status: OPTIMIZATION_STATUSES },
  },
  {
    name: 'optimization_issues',
    key: ['optimization_id', 'issue_id'],
    columns: { optimization_id: 'uuid', issue_id: 'uuid', position: 'count' },
  },
  {
    name: 'performance_runs',
    key: ['id'],
    columns: {
      id: 'uuid',
      kind: 'text',
      name: 'name',
      actor: 'name',
      environment: 'text',
      service: 'text',
      parameters: 'json',
      version: 'text?',
      result: 'json?',
      status: 'text',
      started_at: 'instant',
      finished_at: 'instant?',
    },
    oneOf: {
      kind: ['benchmark', 'load', 'validation', 'import', 'measure', 'check'],
      status: ['running', 'finished', 'failed'],
    },
  },
  {
    name: 'ledger',
    key: [],
    columns: {
      id: 'uuid',
      at: 'instant',
      subject_type: 'text',
      subject_id: 'name',
      actor: 'name',
      from_status: 'text?',
      to_status: 'name',
      reason: 'text?',
      evidence: 'json',
    },
    oneOf: { subject_type: ['issue', 'optimization', 'policy', 'target', 'token'] },
  },
  {
    name: 'targets',
    key: ['id'],
    columns: {
      id: 'uuid',
      kind: 'name',
      name: 'name',
      environment: 'text',
      services: 'json',
      options: 'json',
      status: 'text',
      version: 'text?',
      notes: 'json',
      can_change: 'flag',
      collected_at: 'instant?',
      created_at: 'instant',
    },
    oneOf: { status: ['unknown', 'ok', 'degraded', 'unreachable'] },
  },
  {
    name: 'ingest_tokens',
    key: ['id'],
    columns: {
      id: 'uuid',
      name: 'name',
      environment: 'text',
      token_hash: 'name',
      created_at: 'instant',
      revoked_at: 'instant?',
    },
  },
  {
    name: 'control_state',
    key: ['key'],
    columns: { key: 'name', value: 'json', updated_at: 'instant' },
  },
]

/** One for each list the dashboard and the API ask for, and for each identity. */
const INDEXES: readonly Index[] = [
  {
    name: 'performance_issues_identity',
    on: 'performance_issues',
    columns: ['environment', 'service', 'operation', 'kind', 'fingerprint'],
    unique: true,
  },
  {
    name: 'performance_issues_by_status',
    on: 'performance_issues',
    columns: ['status', 'recoverable_ns_per_hour desc'],
  },
  {
    name: 'performance_issues_by_recoverable',
    on: 'performance_issues',
    columns: ['recoverable_ns_per_hour desc', 'id'],
  },
  {
    name: 'performance_issues_by_last_seen',
    on: 'performance_issues',
    columns: ['last_seen desc', 'id'],
  },
  {
    name: 'performance_optimizations_change',
    on: 'performance_optimizations',
    columns: ['change_key'],
    unique: true,
  },
  {
    name: 'performance_optimizations_by_status',
    on: 'performance_optimizations',
    columns: ['status', 'created_at desc'],
  },
  {
    name: 'performance_optimizations_by_created',
    on: 'performance_optimizations',
    columns: ['created_at desc', 'id'],
  },
  { name: 'optimization_issues_by_issue', on: 'optimization_issues', columns: ['issue_id'] },
  {
    name: 'performance_runs_by_start',
    on: 'performance_runs',
    columns: ['started_at desc', 'id'],
  },
  {
    name: 'performance_runs_by_service',
    on: 'performance_runs',
    columns: ['environment', 'service', 'started_at desc'],
  },
  { name: 'ledger_identity', on: 'ledger', columns: ['id'], unique: true },
  {
    name: 'ledger_by_subject',
    on: 'ledger',
    columns: ['subject_type', 'subject_id', 'sequence'],
  },
  { name: 'targets_name', on: 'targets', columns: ['environment', 'name'], unique: true },
  { name: 'ingest_tokens_hash', on: 'ingest_tokens', columns: ['token_hash'], unique: true },
]

const FOREIGN_KEYS: readonly ForeignKey[] = [
  { on: 'issue_history', column: 'issue_id', to: 'performance_issues' },
  { on: 'optimization_issues', column: 'optimization_id', to: 'performance_optimizations' },
  { on: 'optimization_issues', column: 'issue_id', to: 'performance_issues' },
]

async function up(db: Kysely<unknown>, dialect: ControlDialect): Promise<void> {
  await createTables(db, { tables: TABLES, indexes: INDEXES, foreignKeys: FOREIGN_KEYS }, dialect)
  await sealLedger(db, dialect)
}

/** Append-only, kept by the database: an entry can be neither changed nor removed. */
async function sealLedger(db: Kysely<unknown>, dialect: ControlDialect): Promise<void> {
  if (dialect === 'sqlite') {
    for (const act of ['update', 'delete']) {
      await sql`
        CREATE TRIGGER IF NOT EXISTS ${sql.ref(`ledger_no_${act}`)} BEFORE ${sql.raw(act)} ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
      `.execute(db)
    }
    // OR REPLACE removes the entry in the way without asking the trigger of DELETE.
    await sql`
      CREATE TRIGGER IF NOT EXISTS ledger_no_replace BEFORE INSERT ON ledger
      WHEN EXISTS (SELECT 1 FROM ledger WHERE sequence = NEW.sequence OR id = NEW.id)
      BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    `.execute(db)
    return
  }
  await sql`
    CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$
  `.execute(db)
  await sql`
    CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()
  `.execute(db)
}

async function down(db: Kysely<unknown>, dialect: ControlDialect): Promise<void> {
  for (const table of TABLES.toReversed()) await db.schema.dropTable(table.name).execute()
  if (dialect === 'postgres') await sql`DROP FUNCTION ledger_is_append_only`.execute(db)
}
