import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { ApiContext } from '../api-context.ts'
import { SECURITY_HEADERS } from '../auth/security-headers.ts'
import { LIVE_TOPICS } from '../contract/live.ts'
import { API_PREFIX } from '../register-endpoint.ts'

export const StreamParams = z.strictObject({
  topics: z
    .string()
    .default('overview')
    .transform(text => text.split(',').map(topic => topic.trim()))
    .pipe(z.array(z.enum(LIVE_TOPICS)).min(1)),
  all_spans: z.stringbool().default(false),
})

/** The one stream of a browser: server-sent events, resumed by `Last-Event-ID`. */
export function registerStream(app: FastifyInstance, { live, logger }: ApiContext): void {
  app.route({
    method: 'GET',
    url: `${API_PREFIX}/stream`,
    exposeHeadRoute: false,
    config: { operation: 'stream', access: 'read' },
    async handler(request, reply) {
      const params = StreamParams.safeParse(request.query)
      if (!params.success) {
        throw new PerfloopError('INVALID_REQUEST', {
          problems: params.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`),
        })
      }
      live.requireRoom()
      reply.hijack()
      const response = reply.raw
      response.writeHead(200, {
        ...SECURITY_HEADERS,
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
        'x-request-id': request.id,
      })
      response.socket?.setNoDelay(true)
      const lastEventId = request.headers['last-event-id']
      await live
        .open({
          topics: new Set(params.data.topics),
          allSpans: params.data.all_spans,
          lastEventId: Array.isArray(lastEventId) ? lastEventId[0] : lastEventId,
          response,
        })
        .catch((error: unknown) => {
          logger.error({ error, request_id: request.id }, 'a live stream could not be opened')
          response.end()
        })
    },
  })
}
