import { z } from 'zod'
import { resourceUsage } from '../../store/telemetry/queries/resource-usage.query.ts'
import { stepRange } from '../../store/telemetry/queries/rollup-range.ts'
import { RangeParams } from '../contract/envelope.ts'
import { ResourceSeries } from '../contract/measure.ts'
import { defineEndpoint } from '../endpoint.ts'
import { isoFromSeconds, readRange } from '../request-range.ts'

export const resourceEndpoints = [
  defineEndpoint({
    name: 'measure.resources',
    method: 'GET',
    path: '/measure/resources',
    summary: 'CPU, memory and disk of the host, its container and watched processes',
    access: 'read',
    query: RangeParams.extend({
      environment: z.string().optional().describe('Accepted for uniformity; hosts have none'),
      service: z.string().optional(),
    }),
    data: z.array(ResourceSeries),
    async answer({ query, telemetry, nowUnixMs }) {
      const range = readRange(query, nowUnixMs)
      const { from_s, to_s, step_s } = stepRange(range.fromUnixMs, range.toUnixMs)
      const rows = await telemetry.run(resourceUsage, {
        service: query.service ?? '',
        from_s,
        to_s,
        step_s,
      })
      const bySource = new Map<string, z.output<typeof ResourceSeries>>()
      for (const row of rows) {
        const key = JSON.stringify([row.scope, row.service, row.host, row.pid])
        const series = bySource.get(key) ?? {
          scope: row.scope,
          service: row.service,
          host: row.host,
          pid: row.pid,
          memory_limit_bytes: row.memory_limit_bytes,
          points: [],
        }
        series.points.push({
          time: isoFromSeconds(row.step_start_s),
          cpu_ratio: row.cpu_ratio,
          memory_bytes: row.memory_bytes,
          disk_read_bytes: row.disk_read_bytes,
          disk_write_bytes: row.disk_write_bytes,
        })
        bySource.set(key, series)
      }
      return { data: [...bySource.values()] }
    },
  }),
]
