import { z } from 'zod'
import { defineQuery } from '../query.ts'

/** More than a host runs of what anybody watches; a sender that makes up process ids gets no further. */
const MOST_PROCESSES = 100

/** Processes of a host that told of themselves by the attributes `host.name` and `process.pid` of their resource. */
export const toldProcesses = defineQuery({
  name: 'told-processes',
  params: z.object({ host: z.string(), since_s: z.int() }),
  row: z.object({ environment: z.string(), service: z.string(), pid: z.number() }),
  sql: `
SELECT
  environment,
  argMax(service, last_seen) AS service,
  toUInt32OrZero(trimBoth(attributes['process.pid'], '"')) AS pid
FROM resources
WHERE last_seen >= toDateTime({since_s:UInt32}, 'UTC')
  AND trimBoth(attributes['host.name'], '"') = {host:String}
GROUP BY
  environment,
  pid
HAVING pid > 0
ORDER BY pid
LIMIT ${MOST_PROCESSES}`,
  example: { host: 'web-1', since_s: 1_700_000_000 },
})
