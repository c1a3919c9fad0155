import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64 } from './row-fields.ts'

/** CPU, memory and disk of hosts, containers and processes per step. Disk counters are cumulative: a step has their growth. */
export const resourceUsage = defineQuery({
  name: 'resource-usage',
  params: z.object({
    service: z.string().default(''),
    from_s: z.int(),
    to_s: z.int(),
    step_s: z.int(),
  }),
  row: z.object({
    scope: z.string(),
    service: z.string(),
    host: z.string(),
    pid: count64,
    step_start_s: count64,
    cpu_ratio: z.number(),
    memory_bytes: z.number(),
    memory_limit_bytes: z.number(),
    disk_read_bytes: z.number(),
    disk_write_bytes: z.number(),
  }),
  sql: `
SELECT
  scope,
  service,
  host,
  pid,
  intDiv(toUInt32(toDateTime(timestamp, 'UTC')), {step_s:UInt32}) * {step_s:UInt32} AS step_start_s,
  avg(resource_usage.cpu_ratio) AS cpu_ratio,
  avg(resource_usage.memory_bytes) AS memory_bytes,
  toFloat64(max(resource_usage.memory_limit_bytes)) AS memory_limit_bytes,
  toFloat64(max(resource_usage.disk_read_bytes) - min(resource_usage.disk_read_bytes)) AS disk_read_bytes,
  toFloat64(max(resource_usage.disk_write_bytes) - min(resource_usage.disk_write_bytes)) AS disk_write_bytes
FROM resource_usage
WHERE ({service:String} = '' OR service = {service:String})
    AND timestamp >= toDateTime64({from_s:UInt32}, 3, 'UTC')
    AND timestamp < toDateTime64({to_s:UInt32}, 3, 'UTC')
GROUP BY
  scope,
  service,
  host,
  pid,
  step_start_s
ORDER BY
  scope,
  service,
  host,
  pid,
  step_start_s`,
  example: { from_s: 1_700_000_000, to_s: 1_700_003_600, step_s: 60 },
})
