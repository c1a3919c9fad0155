import { z } from 'zod'
import { API_VERSION, ErrorEnvelope, envelope } from './contract/envelope.ts'
import { LiveEvent } from './contract/live.ts'
import type { Endpoint } from './endpoint.ts'
import { API_PREFIX } from './register-endpoint.ts'

type Json = Record<string, unknown>

/** OpenAPI 3.1 of all endpoints: its schemas are JSON Schema, which zod writes itself. */
export function openApiDocument(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Json> = {}
  for (const endpoint of endpoints) {
    const path = `${API_PREFIX}${endpoint.path.replace(/:(\w+)/g, '{$1}')}`
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: describe(endpoint) }
  }
  paths[`${API_PREFIX}/stream`] = { get: STREAM }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Perfloop',
      version: API_VERSION,
      description:
        'Every JSON answer has the same envelope. Durations are nanoseconds unless the name says otherwise; ids are lower-case hexadecimal; instants are ISO 8601 in UTC.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { session: [] }],
    paths,
    components: {
      schemas: { Error: schemaOf(ErrorEnvelope, 'output') },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The admin token' },
        session: { type: 'apiKey', in: 'cookie', name: 'perfloop_session' },
      },
      responses: Object.fromEntries(
        Object.entries(ERROR_RESPONSES).map(([status, description]) => [
          status,
          {
            description,
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
          },
        ]),
      ),
    },
  }
}

const ERROR_RESPONSES: Readonly<Record<string, string>> = {
  400: 'The request does not match this document',
  401: 'A token or session is needed',
  403: 'The host or origin is not allowed',
  404: 'There is nothing at this address',
  409: 'The present state does not allow this',
  429: 'Too many attempts; see Retry-After',
  500: 'Perfloop failed to answer',
  503: 'The store is not there at the moment',
}

function describe(endpoint: Endpoint): Json {
  const [tag = 'health'] = endpoint.name.split('.')
  return {
    operationId: endpoint.name,
    tags: [tag],
    summary: endpoint.summary,
    ...(endpoint.access !== 'write' && { security: [{}, { bearer: [] }, { session: [] }] }),
    parameters: [...parameters(endpoint.params, 'path'), ...parameters(endpoint.query, 'query')],
    ...(endpoint.body && {
      requestBody: {
        content: { 'application/json': { schema: schemaOf(endpoint.body, 'input') } },
      },
    }),
    responses: {
      [endpoint.created ? 201 : 200]: {
        description: 'Success',
        content: { 'application/json': { schema: schemaOf(envelope(endpoint.data), 'output') } },
      },
      ...errorResponses(),
    },
  }
}

function errorResponses(): Json {
  return Object.fromEntries(
    Object.keys(ERROR_RESPONSES).map(status => [
      status,
      { $ref: `#/components/responses/${status}` },
    ]),
  )
}

function parameters(schema: z.ZodType | undefined, where: 'path' | 'query'): Json[] {
  if (!(schema instanceof z.ZodObject)) return []
  const described = schemaOf(schema, 'input')
  const required = Array.isArray(described.required) ? described.required : []
  const properties = z.record(z.string(), z.record(z.string(), z.unknown()))
  return Object.entries(properties.parse(described.properties ?? {})).map(
    ([name, { description, ...rest }]) => ({
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    }),
  )
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    reused: 'inline',
  })
  return described
}

const STREAM: Json = {
  operationId: 'stream',
  tags: ['stream'],
  summary: 'Live topics as server-sent events; resumed by Last-Event-ID',
  security: [{}, { bearer: [] }, { session: [] }],
  parameters: [
    {
      name: 'topics',
      in: 'query',
      required: false,
      description: 'Some of overview, issues, optimizations, health, spans, comma-separated',
      schema: { type: 'string', default: 'overview' },
    },
    {
      name: 'all_spans',
      in: 'query',
      required: false,
      description: 'Every span in topic spans, not only entry spans',
      schema: { type: 'boolean', default: false },
    },
  ],
  responses: {
    200: {
      description: 'Events named by their topic; the data of each is one of these',
      content: { 'text/event-stream': { schema: schemaOf(LiveEvent, 'output') } },
    },
    ...errorResponses(),
  },
}
