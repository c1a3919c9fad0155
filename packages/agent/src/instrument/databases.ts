import type { Agent } from '../agent.ts'
import { offerMysql2PoolKnobs } from '../knobs/mysql2-pool.ts'
import { offerPgPoolKnobs } from '../knobs/pg-pool.ts'
import { whenBuiltinIsLoaded } from './builtin-hook.ts'
import { instrumentIoredis } from './ioredis.ts'
import type { PatchedModule } from './module-hook.ts'
import {
  instrumentMysql2,
  instrumentMysql2Cluster,
  instrumentMysql2Pool,
  instrumentMysql2PoolConnection,
  instrumentMysql2Promises,
} from './mysql2.ts'
import { instrumentPg, instrumentPgPool } from './pg.ts'
import { instrumentRedis, instrumentRedisPool } from './redis.ts'
import { instrumentBetterSqlite, instrumentLibsql, instrumentNodeSqlite } from './sqlite.ts'

/** Drivers of databases. Mappers are seen through them. */
export function databaseModules(agent: Agent): readonly PatchedModule[] {
  const patched = (name: string, file: string, apply: (agent: Agent, exports: object) => void) => ({
    package: name,
    file,
    patch: (exports: object) => apply(agent, exports),
  })
  const inner = (...given: Parameters<typeof patched>) => ({
    ...patched(...given),
    isInner: true as const,
  })
  return [
    patched('pg', 'lib/index.js', instrumentPg),
    patched('pg-pool', 'index.js', (_, exports) => {
      instrumentPgPool(agent, exports)
      offerPgPoolKnobs(agent.knobs, exports)
    }),
    inner('mysql2', 'lib/connection.js', instrumentMysql2),
    inner('mysql2', 'lib/pool.js', (_, exports) => {
      instrumentMysql2Pool(agent, exports)
      offerMysql2PoolKnobs(agent.knobs, exports)
    }),
    inner('mysql2', 'lib/pool_connection.js', instrumentMysql2PoolConnection),
    inner('mysql2', 'lib/pool_cluster.js', instrumentMysql2Cluster),
    inner('mysql2', 'lib/promise/pool.js', instrumentMysql2Promises),
    inner('mysql2', 'lib/promise/connection.js', instrumentMysql2Promises),
    inner('@redis/client', 'dist/lib/client/index.js', instrumentRedis),
    inner('@redis/client', 'dist/lib/client/pool.js', instrumentRedisPool),
    patched('ioredis', 'built/index.js', instrumentIoredis),
    patched('better-sqlite3', 'lib/index.js', instrumentBetterSqlite),
    patched('libsql', 'index.js', instrumentLibsql),
  ]
}

/** Those that Node has itself. */
export function observeDatabases(agent: Agent): void {
  whenBuiltinIsLoaded('sqlite', exports => instrumentNodeSqlite(agent, exports), agent.report)
}
