import { type Kysely, type Migration, sql } from 'kysely'

/** Which changes were made or taken back in a time: asked at every step of the loop. */
export const ledgerByTime: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`CREATE INDEX IF NOT EXISTS ledger_by_time ON ledger (subject_type, to_status, at)`.execute(
      db,
    )
  },
  async down(db: Kysely<unknown>) {
    await sql`DROP INDEX IF EXISTS ledger_by_time`.execute(db)
  },
}
