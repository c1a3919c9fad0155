import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64, flag, pageParams } from './row-fields.ts'

/** Single executions of one operation, sorted and cut to a page. */
export const measurements = defineQuery({
  name: 'measurements',
  params: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: z.string(),
    from_unix_ns: z.bigint(),
    to_unix_ns: z.bigint(),
    sort: z.enum(['recent', 'slowest', 'failed', 'queries']),
    ...pageParams,
  }),
  row: z.object({
    trace_id: z.string(),
    span_id: z.string(),
    start_unix_ns: z.string().transform(text => BigInt(text)),
    load_ns: count64,
    total_ns: count64,
    query_count: count64,
    db_ns: count64,
    render_ns: count64,
    external_ns: count64,
    self_ns: count64,
    failed: flag,
    status_code: count64,
    total: count64,
  }),
  sql: `
SELECT
  lower(hex(trace_id)) AS trace_id,
  lower(hex(span_id)) AS span_id,
  start_unix_ns,
  load_ns,
  total_ns,
  query_count,
  db_ns,
  render_ns,
  external_ns,
  self_ns,
  failed,
  status_code,
  count() OVER () AS total
FROM measurements
WHERE environment = {environment:String}
    AND service = {service:String}
    AND operation = {operation:String}
    AND kind = {kind:String}
    AND start_unix_ns >= {from_unix_ns:UInt64}
    AND start_unix_ns < {to_unix_ns:UInt64}
    AND ({sort:String} != 'failed' OR failed = 1)
ORDER BY
  multiIf({sort:String} = 'slowest', total_ns, {sort:String} = 'queries', toUInt64(query_count), start_unix_ns) DESC,
  start_unix_ns DESC
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}`,
  example: {
    environment: 'production',
    service: 'shop',
    operation: 'GET /orders/:id',
    kind: 'server',
    from_unix_ns: 1_700_000_000_000_000_000n,
    to_unix_ns: 1_700_003_600_000_000_000n,
    sort: 'recent',
    limit: 20,
    offset: 0,
  },
})
