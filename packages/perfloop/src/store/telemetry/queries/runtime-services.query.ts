import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64, pageParams, scopeParams } from './row-fields.ts'
import { FROM_INSTANCES } from './runtime-instances.query.ts'

/** The services of those who told of their runtime in a range, the latest first. */
export const runtimeServices = defineQuery({
  name: 'runtime-services',
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
    instances: count64,
    /** Each its name, its version and its language; values are JSON texts. */
    runtimes: z.array(z.tuple([z.string(), z.string(), z.string()])),
    last_s: count64,
    total: count64,
  }),
  sql: `
SELECT
  environment,
  service,
  count() AS instances,
  arraySort(groupUniqArray(10)((runtime, runtime_version, language))) AS runtimes,
  max(last_told_s) AS last_s,
  count() OVER () AS total
FROM
(
  SELECT
    environment,
    service,
    instance,
    argMax(attributes['process.runtime.name'], told.last_s) AS runtime,
    argMax(attributes['process.runtime.version'], told.last_s) AS runtime_version,
    argMax(attributes['telemetry.sdk.language'], told.last_s) AS language,
    max(told.last_s) AS last_told_s${FROM_INSTANCES}
)
GROUP BY
  environment,
  service
ORDER BY
  last_s DESC,
  environment,
  service
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
