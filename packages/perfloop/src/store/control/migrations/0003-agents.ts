import type { Kysely } from 'kysely'
import { type ControlDialect, createTables, type Index, type Table } from './create-tables.ts'

/** What agents tell and are told: themselves, what was declared, profiles, and the knobs that were turned. */
export function agents(dialect: ControlDialect) {
  return {
    up: (db: Kysely<unknown>) =>
      createTables(db, { tables: TABLES, indexes: INDEXES, foreignKeys: FOREIGN_KEYS }, dialect),
    async down(db: Kysely<unknown>) {
      for (const { name } of TABLES.toReversed()) await db.schema.dropTable(name).execute()
    },
  }
}

const TABLES: readonly Table[] = [
  {
    name: 'agents',
    key: ['id'],
    columns: {
      id: 'fingerprint',
      environment: 'text',
      service: 'text',
      instance: 'text',
      agent_version: 'text',
      runtime: 'text',
      runtime_version: 'text',
      host: 'text',
      process_id: 'count',
      frameworks: 'json',
      knobs: 'json',
      /** Revision in agent_declarations; null until they were told. */
      declarations: 'fingerprint?',
      started_at: 'instant',
      first_seen: 'instant',
      last_seen: 'instant',
    },
  },
  {
    // Instances of one program declare the same: it is kept once.
    name: 'agent_declarations',
    key: ['environment', 'service', 'revision'],
    columns: {
      environment: 'text',
      service: 'text',
      revision: 'fingerprint',
      routes: 'json',
      models: 'json',
      omitted: 'count',
      declared_at: 'instant',
    },
  },
  {
    name: 'agent_profiles',
    key: ['id'],
    columns: {
      id: 'uuid',
      agent: 'fingerprint',
      environment: 'text',
      service: 'text',
      instance: 'text',
      kind: 'text',
      origin: 'text',
      status: 'text',
      duration_ms: 'count',
      actor: 'text?',
      requested_at: 'instant',
      started_at: 'instant?',
      finished_at: 'instant?',
      failure: 'text?',
      /** Length of the pprof, bytes; 0 until it is there. */
      size_bytes: 'count',
    },
    oneOf: {
      kind: ['cpu', 'heap'],
      origin: ['request', 'continuous'],
      status: ['requested', 'running', 'finished', 'failed'],
    },
  },
  {
    // Beside its row, so that lists do not read past it.
    name: 'agent_profile_bytes',
    key: ['profile_id'],
    columns: { profile_id: 'uuid', pprof: 'bytes' },
  },
  {
    name: 'knob_values',
    key: ['environment', 'service', 'name'],
    columns: {
      environment: 'text',
      service: 'text',
      name: 'name',
      value: 'real',
      actor: 'name',
      reason: 'text?',
      set_at: 'instant',
      expires_at: 'instant',
    },
  },
]

const INDEXES: readonly Index[] = [
  { name: 'agents_by_last_seen', on: 'agents', columns: ['last_seen desc', 'id'] },
  {
    name: 'agents_by_service',
    on: 'agents',
    columns: ['environment', 'service', 'last_seen desc'],
  },
  {
    name: 'agent_profiles_by_request',
    on: 'agent_profiles',
    columns: ['requested_at desc', 'id'],
  },
  { name: 'agent_profiles_by_agent', on: 'agent_profiles', columns: ['agent', 'status'] },
]

const FOREIGN_KEYS = [{ on: 'agent_profile_bytes', column: 'profile_id', to: 'agent_profiles' }]
