import type { FastifyInstance } from 'fastify'
import { ENDPOINTS } from '../endpoints.ts'
import { openApiDocument } from '../open-api-document.ts'
import { API_PREFIX } from '../register-endpoint.ts'

/** The description of the API, made on first demand: most starts never need it. */
export function registerOpenApi(app: FastifyInstance): void {
  let document: string | undefined
  app.route({
    method: 'GET',
    url: `${API_PREFIX}/openapi.json`,
    config: { operation: 'openapi', access: 'public' },
    async handler(_request, reply) {
      document ??= JSON.stringify(openApiDocument(ENDPOINTS))
      return reply.type('application/json; charset=utf-8').send(document)
    },
  })
}
