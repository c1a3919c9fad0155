import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { RESOURCE_OF_METADATA, SCALAR_IN_RANGE } from './metric-series.ts'
import { count64, pageParams, SCOPE, scopeParams } from './row-fields.ts'

/** Instances that told of one of the metrics in a range, in groups. */
export const FROM_INSTANCES = `
FROM
(
  SELECT
    environment,
    service,
    ${RESOURCE_OF_METADATA} AS resource,
    toUInt32(toDateTime(min(timestamp), 'UTC')) AS first_s,
    toUInt32(toDateTime(max(timestamp), 'UTC')) AS last_s
  FROM performance_metrics
  WHERE ${SCOPE}
      AND name IN {names:Array(String)}
      AND ${SCALAR_IN_RANGE}
  GROUP BY
    environment,
    service,
    resource
) AS told
LEFT JOIN
(
  SELECT
    resource,
    argMax(instance, last_seen) AS instance,
    argMax(resources.attributes, last_seen) AS attributes
  FROM resources
  GROUP BY resource
) AS sender USING (resource)
WHERE {instance:String} = '' OR instance = {instance:String}
GROUP BY
  environment,
  service,
  instance`

/** Who told of its runtime in a range, the latest first: each instance with its senders' resources. */
export const runtimeInstances = defineQuery({
  name: 'runtime-instances',
  params: z.object({
    ...scopeParams,
    instance: z.string().default(''),
    names: z.array(z.string()),
    from_s: z.int(),
    to_s: z.int(),
    ...pageParams,
  }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    instance: z.string(),
    resources: z.array(z.string()),
    first_s: count64,
    last_s: count64,
    /** Values are JSON texts. */
    host: z.string(),
    process_id: z.string(),
    runtime: z.string(),
    runtime_version: z.string(),
    language: z.string(),
    total: count64,
  }),
  sql: `
SELECT
  environment,
  service,
  instance,
  groupArray(1000)(resource) AS resources,
  min(told.first_s) AS first_s,
  max(told.last_s) AS last_s,
  argMax(attributes['host.name'], told.last_s) AS host,
  argMax(attributes['process.pid'], told.last_s) AS process_id,
  argMax(attributes['process.runtime.name'], told.last_s) AS runtime,
  argMax(attributes['process.runtime.version'], told.last_s) AS runtime_version,
  argMax(attributes['telemetry.sdk.language'], told.last_s) AS language,
  count() OVER () AS total${FROM_INSTANCES}
ORDER BY
  last_s DESC,
  first_s DESC,
  environment,
  service,
  instance
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}`,
  example: {
    names: ['process.cpu.time'],
    from_s: 1_700_000_000,
    to_s: 1_700_003_600,
    limit: 10,
    offset: 0,
  },
})
