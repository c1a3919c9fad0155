import type { Agent } from '../agent.ts'
import { offerMysql2PoolKnobs } from '../knobs/mysql2-pool.ts'
import { offerMysql2StatementKnobs } from '../knobs/mysql2-statements.ts'
import { offerPgPoolKnobs } from '../knobs/pg-pool.ts'
import { pgStatementCache } from '../knobs/pg-statements.ts'
import { offerSqliteStatementCache } from '../knobs/sqlite-statements.ts'
import { whenBuiltinIsLoaded } from './builtin-hook.ts'
import { type PatchedEsModule, patchEsModules } from './es-modules.ts'
import { instrumentIoredis } from './ioredis.ts'
import {
  instrumentMariadbBundle,
  instrumentMariadbConnection,
  instrumentMariadbPool,
} from './mariadb.ts'
import type { PatchedModule } from './module-hook.ts'
import {
  instrumentMysql2,
  instrumentMysql2Cluster,
  instrumentMysql2Pool,
  instrumentMysql2PoolConnection,
  instrumentMysql2Promises,
} from './mysql2.ts'
import { instrumentPg, instrumentPgPool } from './pg.ts'
import { instrumentPostgresJs } from './postgres-js.ts'
import { instrumentRedisPool } from './redis.ts'
import {
  instrumentRedis4Commander,
  instrumentRedis4Queue,
  instrumentRedisClient,
} from './redis4.ts'
import { instrumentBetterSqlite, instrumentLibsql, instrumentNodeSqlite } from './sqlite.ts'

const OF_MARIADB = /[\\/]node_modules[\\/]mariadb[\\/]/

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
  const statements = pgStatementCache(agent)
  const pgStatementFiles =
    statements === undefined
      ? []
      : [
          inner('pg', 'lib/query.js', (_, exports) => statements.patchQuery(exports)),
          inner('pg', 'lib/client.js', (_, exports) => statements.patchClient(exports)),
        ]
  return [
    patched('pg', 'lib/index.js', instrumentPg),
    inner('pg', 'lib/native/client.js', (_, Client) => instrumentPg(agent, { Client })),
    ...pgStatementFiles,
    patched('pg-pool', 'index.js', (_, exports) => {
      instrumentPgPool(agent, exports)
      offerPgPoolKnobs(agent.knobs, exports)
    }),
    patched('mariadb', 'dist/promise.cjs', instrumentMariadbBundle),
    inner('mariadb', 'callback', instrumentMariadbBundle),
    // Up to version 3.4.
    inner('mariadb', 'lib/connection.js', (_, exports) => mariadbConnection(agent, exports)),
    inner('mariadb', 'lib/pool.js', (_, exports) => mariadbPool(agent, exports)),
    {
      package: 'denque',
      file: 'index.js',
      patch: (_, by) => {
        if (!OF_MARIADB.test(by ?? '')) {
          patchEsModules(mariadbEsModules(agent), agent.report).catch(error =>
            agent.report('instrumenting mariadb', error),
          )
        }
      },
    },
    inner('postgres', 'cjs/src/query.js', instrumentPostgresJs),
    inner('mysql2', 'lib/connection.js', (_, exports) => {
      instrumentMysql2(agent, exports)
      offerMysql2StatementKnobs(agent.knobs, exports)
    }),
    inner('mysql2', 'lib/pool.js', (_, exports) => {
      instrumentMysql2Pool(agent, exports)
      offerMysql2PoolKnobs(agent.knobs, exports)
    }),
    inner('mysql2', 'lib/pool_connection.js', instrumentMysql2PoolConnection),
    inner('mysql2', 'lib/pool_cluster.js', instrumentMysql2Cluster),
    inner('mysql2', 'lib/promise/pool.js', instrumentMysql2Promises),
    inner('mysql2', 'lib/promise/connection.js', instrumentMysql2Promises),
    inner('@redis/client', 'dist/lib/client/index.js', instrumentRedisClient),
    inner('@redis/client', 'dist/lib/client/pool.js', instrumentRedisPool),
    inner('@redis/client', 'dist/lib/commander.js', instrumentRedis4Commander),
    inner('@redis/client', 'dist/lib/client/commands-queue.js', instrumentRedis4Queue),
    patched('ioredis', 'built/index.js', instrumentIoredis),
    patched('better-sqlite3', 'lib/index.js', (_, exports) => {
      instrumentBetterSqlite(agent, exports)
      // Over that: what is shared is seen each time it is used.
      offerSqliteStatementCache(agent, exports)
    }),
    patched('libsql', 'index.js', instrumentLibsql),
  ]
}

/** Those whose `import` loads other files than their `require`. */
export function databaseEsModules(agent: Agent): readonly PatchedEsModule[] {
  return [
    {
      package: 'postgres',
      files: ['src/query.js'],
      patch: exports => instrumentPostgresJs(agent, exports),
    },
  ]
}

/**
 * These take 100 ms of CPU to load, and are installed with applications that never do: they are looked at once the
 * package in CommonJS is loaded that their first import is. Others bring that package, too (ioredis, mysql2): with them it costs what it costs, since a
 * package that was loaded before is not heard of again.
 */
function mariadbEsModules(agent: Agent): readonly PatchedEsModule[] {
  return [
    {
      package: 'mariadb',
      files: ['lib/connection.js'],
      patch: exports => mariadbConnection(agent, exports),
    },
    {
      package: 'mariadb',
      files: ['lib/pool.js'],
      patch: exports => mariadbPool(agent, exports),
    },
  ]
}

function mariadbConnection(agent: Agent, exports: object): void {
  const prototype = prototypeOf(exports)
  if (prototype !== undefined) instrumentMariadbConnection(agent, prototype)
}

function mariadbPool(agent: Agent, exports: object): void {
  const prototype = prototypeOf(exports)
  if (prototype !== undefined) instrumentMariadbPool(agent, prototype)
}

/** Of a class that is the only export, as CommonJS or as an ES module. */
function prototypeOf(exports: object): object | undefined {
  const { default: only, prototype } = exports as {
    readonly default?: { readonly prototype?: object }
    readonly prototype?: object
  }
  return only?.prototype ?? prototype
}

/** Those that Node has itself. */
export function observeDatabases(agent: Agent): void {
  whenBuiltinIsLoaded('sqlite', exports => instrumentNodeSqlite(agent, exports), agent.report)
}
