import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { ApiContext } from './api-context.ts'
import { checkHost } from './auth/host-guard.ts'
import { SECURITY_HEADERS } from './auth/security-headers.ts'
import type { Access } from './endpoint.ts'
import { ENDPOINTS } from './endpoints.ts'
import { errorEnvelope, statusOf, toJson, toPerfloopError } from './envelope-answer.ts'
import { operationOf, registerEndpoint } from './register-endpoint.ts'
import { registerDashboard } from './routes/dashboard.ts'
import { registerMetrics } from './routes/metrics.ts'
import { registerOpenApi } from './routes/open-api.ts'
import { registerProfileDownload } from './routes/profile-download.ts'
import { registerStream } from './routes/stream.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Name of the endpoint, for envelopes and logs. */
    operation?: string
    access?: Access
  }
  interface FastifyRequest {
    actor: string
  }
}

const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
/** How often Node looks for senders that are over their time. */
const TIMEOUT_CHECK_MS = 5_000

/** The HTTP server: the API, the live stream, /metrics and the dashboard. It does not listen yet. */
export function createApi(context: ApiContext): FastifyInstance {
  const app = Fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: 1024 * 1024,
    // A request that dribbles in holds its connection no longer. Answers, and so streams, may take any time.
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
    exposeHeadRoutes: true,
    // Addresses that cannot even be decoded; hooks and error handler are not asked about them.
    frameworkErrors: (error, request, reply) =>
      sendError(context, error, request, reply.headers(SECURITY_HEADERS)),
    routerOptions: { ignoreTrailingSlash: true },
  })
  app.decorateRequest('actor', 'anonymous')

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS).header('x-request-id', request.id)
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store')
    checkHost(
      {
        host: request.headers.host,
        origin: request.headers.origin,
        fetchSite: headerOf(request, 'sec-fetch-site'),
        fetchMode: headerOf(request, 'sec-fetch-mode'),
        localAddress: request.socket.localAddress,
      },
      {
        boundHost: context.settings.server.host,
        allowedHosts: context.settings.server.allowedHosts,
      },
    )
    request.actor = context.access.authenticate(
      request.headers,
      request.routeOptions.config.access ?? 'public',
      request.ip,
      context.clock.nowUnixMs(),
    )
  })
  app.addHook('onResponse', async (request, reply) => logRequest(context, request, reply))
  app.setErrorHandler((error, request, reply) => sendError(context, error, request, reply))

  for (const endpoint of ENDPOINTS) registerEndpoint(app, endpoint, context)
  registerOpenApi(app)
  registerStream(app, context)
  registerProfileDownload(app, context)
  registerMetrics(app, context)
  registerDashboard(app, context)
  app.setNotFoundHandler((request, reply) =>
    sendError(context, new PerfloopError('NOT_FOUND', { path: request.url }), request, reply),
  )
  return app
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

function sendError(
  { clock, logger }: ApiContext,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const error = toPerfloopError(thrown, request.id)
  const status = statusOf(error.code)
  if (status >= 500) {
    logger.error(
      { request_id: request.id, url: request.url, error: error.cause ?? error },
      'a request could not be answered',
    )
  }
  if (typeof error.details.retry_after_seconds === 'number') {
    reply.header('retry-after', error.details.retry_after_seconds)
  }
  if (error.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer realm="perfloop"')
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send(toJson(errorEnvelope(operationOf(request), error, clock.nowUnixMs())))
}

function logRequest({ logger }: ApiContext, request: FastifyRequest, reply: FastifyReply): void {
  const path = request.url.split('?', 1)[0]
  logger.debug(
    {
      request_id: request.id,
      method: request.method,
      path,
      operation: operationOf(request),
      status: reply.statusCode,
      actor: request.actor,
      duration_ms: Number(reply.elapsedTime.toFixed(3)),
    },
    'answered',
  )
}
