import { performance } from 'node:perf_hooks'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { ApiContext } from './api-context.ts'
import { PageParams } from './contract/envelope.ts'
import type { Endpoint } from './endpoint.ts'
import { successEnvelope, toJson } from './envelope-answer.ts'

export const API_PREFIX = '/api/v1'

const NOTHING = z.object({})

/** Makes a route of an endpoint: parses what was asked, counts what answering cost, wraps the answer. */
export function registerEndpoint(
  app: FastifyInstance,
  endpoint: Endpoint,
  context: ApiContext,
): void {
  const paramsSchema = endpoint.params ?? NOTHING
  const querySchema = strict(endpoint.query ?? NOTHING)
  const bodySchema = endpoint.body ?? z.unknown()

  app.route({
    method: endpoint.method,
    url: `${API_PREFIX}${endpoint.path}`,
    config: { operation: endpoint.name, access: endpoint.access },
    async handler(request, reply) {
      const startedMs = performance.now()
      const query = parse(querySchema, request.query, '')
      const counted = countQueries(context.telemetry)
      const answer = await endpoint.answer(
        {
          params: parse(paramsSchema, request.params, ''),
          query,
          body: parse(bodySchema, request.body ?? undefined, 'body'),
          telemetry: counted.telemetry,
          nowUnixMs: context.clock.nowUnixMs(),
          actor: request.actor,
          address: request.ip,
        },
        context,
      )
      if (endpoint.access === 'write') context.live.refresh()
      const cost = {
        queryCount: counted.count(),
        seconds: (performance.now() - startedMs) / 1_000,
      }
      const page = endpoint.paginated ? PageParams.parse(query) : undefined
      const envelope = successEnvelope(endpoint.name, answer, cost, page, context.clock.nowUnixMs())
      return reply
        .code(endpoint.created ? 201 : 200)
        .headers(answer.headers ?? {})
        .type('application/json; charset=utf-8')
        .send(toJson(envelope))
    },
  })
}

/** Unknown parameters are refused, so that a typing error does not look like an answer. */
function strict(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodObject ? schema.strict() : schema
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new PerfloopError('INVALID_REQUEST', {
    problems: parsed.error.issues.map(issue => {
      const path = [where, ...issue.path].filter(part => part !== '').join('.')
      return path === '' ? issue.message : `${path}: ${issue.message}`
    }),
  })
}

function countQueries(telemetry: TelemetryStore): { telemetry: TelemetryStore; count(): number } {
  let queries = 0
  return {
    telemetry: {
      run(query, params) {
        queries += 1
        return telemetry.run(query, params)
      },
    },
    count: () => queries,
  }
}

/** The operation a request was for, for its envelope and its log line. */
export function operationOf(request: FastifyRequest): string {
  return request.routeOptions?.config?.operation ?? 'unknown'
}
