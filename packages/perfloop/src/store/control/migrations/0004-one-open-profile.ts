import { type Kysely, type Migration, sql } from 'kysely'

/** Two that ask one agent for a profile at the same time must not both be told that it is taken. */
export const oneOpenProfile: Migration = {
  async up(db: Kysely<unknown>) {
    // Whoever waited for one of these has gone with the process that was stopped for this version.
    await sql`UPDATE agent_profiles SET status = 'failed', failure = 'Perfloop was replaced meanwhile', finished_at = requested_at
      WHERE status IN ('requested', 'running')`.execute(db)
    await sql`CREATE UNIQUE INDEX IF NOT EXISTS agent_profiles_open ON agent_profiles (agent)
      WHERE origin = 'request' AND status IN ('requested', 'running')`.execute(db)
  },
  async down(db: Kysely<unknown>) {
    await sql`DROP INDEX IF EXISTS agent_profiles_open`.execute(db)
  },
}
