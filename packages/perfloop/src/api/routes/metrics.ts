import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../api-context.ts'
import { chooseFormat, writeExposition } from '../metrics/write-exposition.ts'

/** What Prometheus scrapes: Perfloop itself, and rate, errors and duration of every operation. */
export function registerMetrics(app: FastifyInstance, context: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/metrics',
    config: { operation: 'metrics', access: 'read' },
    async handler(request, reply) {
      const format = chooseFormat(request.headers.accept)
      const families = await context.metrics()
      return reply
        .type(format)
        .header('cache-control', 'no-store')
        .send(writeExposition(families, format))
    },
  })
}
