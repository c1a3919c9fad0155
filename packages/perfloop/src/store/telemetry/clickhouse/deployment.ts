/** How a ClickHouse server is set up, as far as the schema must know. */
export interface Deployment {
  readonly database: string
  /** Name of the cluster whose replicas hold the tables; null for a single server. */
  readonly cluster: string | null
}

/**
 * The one place that knows how a server differs from the embedded engine. On a cluster DDL goes to every
 * replica and tables are replicated, which deduplicates by a window of its own; all else is the same SQL.
 */
export function adaptStatement(sql: string, { cluster }: Deployment): string {
  if (cluster === null) return sql
  return sql
    .replace(CREATE, `$& ON CLUSTER ${quoted(cluster)}`)
    .replace(ALTER, `$& ON CLUSTER ${quoted(cluster)}`)
    .replace(DELETE, `$& ON CLUSTER ${quoted(cluster)}`)
    .replace(ENGINE, 'ENGINE = Replicated$1MergeTree')
    .replaceAll('non_replicated_deduplication_window', 'replicated_deduplication_window')
}

const CREATE = /^\s*CREATE (?:TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS [\w`.]+/
const ALTER = /^\s*ALTER TABLE [\w`.]+/
const DELETE = /^\s*DELETE FROM [\w`.]+/
const ENGINE = /ENGINE = (|Replacing|Aggregating)MergeTree/

function quoted(name: string): string {
  return `'${name.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
