import type { Dialect } from '../fingerprint/statement-pattern.ts'

/** Systems whose `db.system` is not what our lexers call their dialect. */
const DIALECT_OF: Readonly<Record<string, Dialect>> = {
  postgresql: 'postgresql',
  mysql: 'mysql',
  mariadb: 'mysql',
  tidb: 'mysql',
  'microsoft.sql_server': 'mssql',
  mssql: 'mssql',
  mssqlcompact: 'mssql',
  'oracle.db': 'oracle',
  oracle: 'oracle',
  sqlite: 'sqlite',
  cassandra: 'postgresql',
  clickhouse: 'mysql',
  spanner: 'postgresql',
}

/** Systems whose statements are not SQL: commands with arguments, or documents. */
const NOT_SQL: ReadonlySet<string> = new Set([
  'redis',
  'valkey',
  'keydb',
  'dragonfly',
  'memcached',
  'mongodb',
  'elasticsearch',
  'opensearch',
  'solr',
  'couchdb',
  'dynamodb',
  'aws.dynamodb',
  'hbase',
  'geode',
  'etcd',
])

/** The dialect to read a statement in; undefined for what is not SQL. Unknown systems are read as SQL. */
export function dialectOf(system: string): Dialect | undefined {
  if (NOT_SQL.has(system)) return undefined
  return DIALECT_OF[system] ?? 'postgresql'
}

const COMMAND = /^\s*([A-Za-z][A-Za-z_.]{0,31})(?=\s|$)/
const FIRST_KEY = /^\s*\{\s*"?([A-Za-z][A-Za-z_]{0,31})"?\s*:/

/** The command at the head of a statement that is not SQL: `GET user:42`, `{"find": "orders", …}`. */
export function commandOf(text: string): string {
  return (COMMAND.exec(text)?.[1] ?? FIRST_KEY.exec(text)?.[1] ?? '').slice(0, 32)
}
