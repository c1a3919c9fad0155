import { z } from 'zod'
import { EVENT_LOOP_SCOPE, STARVED_EVENT_LOOP } from '../../../domain/runtime-metric.ts'
import { defineQuery } from '../query.ts'
import { receivedSince } from './received-since.ts'
import { count64, flag, pageParams, SCOPE, scopeParams, spanKind } from './row-fields.ts'

/** Places in the code that blocked the event loop within a range, those that took most time first. */
export const eventLoopBlocks = defineQuery({
  name: 'event-loop-blocks',
  params: z.object({
    ...scopeParams,
    instance: z.string().default(''),
    from_unix_ns: z.bigint(),
    to_unix_ns: z.bigint(),
    ...pageParams,
  }),
  row: z.object({
    code_location: z.string(),
    starved: flag,
    blocks: count64,
    total_ns: count64,
    longest_ns: count64,
    last_unix_ns: z.string().transform(text => BigInt(text)),
    /** Of the longest, as all below. */
    longest_unix_ns: z.string().transform(text => BigInt(text)),
    trace_id: z.string(),
    span_id: z.string(),
    shape: z.string(),
    attribute_values: z.array(z.string()),
    total: count64,
  }),
  sql: `
SELECT
  if(starved, '', spans.code_location) AS code_location,
  operation = '${STARVED_EVENT_LOOP}' AS starved,
  count() AS blocks,
  sum(duration_ns) AS total_ns,
  max(duration_ns) AS longest_ns,
  max(start_unix_ns) AS last_unix_ns,
  lower(hex(argMax(spans.trace_id, duration_ns))) AS trace_id,
  lower(hex(argMax(spans.span_id, duration_ns))) AS span_id,
  argMax(start_unix_ns, duration_ns) AS longest_unix_ns,
  argMax(spans.shape, duration_ns) AS shape,
  argMax(spans.attribute_values, duration_ns) AS attribute_values,
  count() OVER () AS total
FROM spans
WHERE ${SCOPE}
    AND toStartOfMinute(fromUnixTimestamp64Nano(toInt64(start_unix_ns), 'UTC')) >= toStartOfMinute(fromUnixTimestamp64Nano(toInt64({from_unix_ns:UInt64}), 'UTC'))
    AND toStartOfMinute(fromUnixTimestamp64Nano(toInt64(start_unix_ns), 'UTC')) <= toStartOfMinute(fromUnixTimestamp64Nano(toInt64({to_unix_ns:UInt64}), 'UTC'))
    AND start_unix_ns >= {from_unix_ns:UInt64}
    AND start_unix_ns < {to_unix_ns:UInt64}
    AND ${receivedSince('{from_unix_ns:UInt64}')}
    AND spans.shape IN (SELECT shape FROM shapes WHERE scope_name = '${EVENT_LOOP_SCOPE}')
    AND ({instance:String} = '' OR resource IN (SELECT resource FROM resources WHERE instance = {instance:String}))
GROUP BY
  code_location,
  starved
ORDER BY
  total_ns DESC,
  code_location
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}`,
  example: {
    from_unix_ns: 1_700_000_000_000_000_000n,
    to_unix_ns: 1_700_003_600_000_000_000n,
    limit: 20,
    offset: 0,
  },
})

/** Executions of entry operations in some traces, the latest of each trace first. */
export const entriesOfTraces = defineQuery({
  name: 'entries-of-traces',
  params: z.object({ trace_ids: z.array(z.string()), service: z.string(), limit: z.int() }),
  row: z.object({
    trace_id: z.string(),
    operation: z.string(),
    kind: spanKind,
    start_unix_ns: z.string().transform(text => BigInt(text)),
  }),
  sql: `
SELECT
  lower(hex(trace_id)) AS trace_id,
  operation,
  kind,
  start_unix_ns
FROM spans
WHERE spans.trace_id IN (SELECT toFixedString(unhex(arrayJoin({trace_ids:Array(String)})), 16))
    AND is_entry = 1
    AND service = {service:String}
ORDER BY start_unix_ns DESC
LIMIT {limit:UInt32}`,
  example: { trace_ids: ['0123456789abcdef0123456789abcdef'], service: 'shop', limit: 100 },
})
