import { z } from 'zod'
import { API_VERSION, ErrorEnvelope, envelope } from './contract/envelope.ts'
import * as contract from './contract/index.ts'
import { LIVE_TOPICS, LiveEvent } from './contract/live.ts'
import type { Endpoint } from './endpoint.ts'
import { API_PREFIX } from './register-endpoint.ts'

type Json = Record<string, unknown>

/** OpenAPI 3.1 of all endpoints: its schemas are JSON Schema, which zod writes itself. */
export function openApiDocument(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Json> = {}
  const components: Json = {}
  for (const endpoint of endpoints) {
    const path = `${API_PREFIX}${endpoint.path.replace(/:(\w+)/g, '{$1}')}`
    paths[path] = {
      ...paths[path],
      [endpoint.method.toLowerCase()]: describe(endpoint, components),
    }
  }
  paths[`${API_PREFIX}/stream`] = { get: describeStream(components) }
  paths[`${API_PREFIX}/measure/profiles/{id}/pprof`] = { get: PROFILE_DOWNLOAD }
  schemaOf(z.object({ error: ErrorEnvelope }), 'output', components)
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
      schemas: components,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The admin token' },
        session: { type: 'apiKey', in: 'cookie', name: 'perfloop_session' },
      },
      responses: Object.fromEntries(
        Object.entries(ERROR_RESPONSES).map(([status, description]) => [
          status,
          {
            description,
            content: {
              'application/json': { schema: { $ref: '#/components/schemas/ErrorEnvelope' } },
            },
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

function describe(endpoint: Endpoint, components: Json): Json {
  const [tag = 'health'] = endpoint.name.split('.')
  return {
    operationId: endpoint.name,
    tags: [tag],
    summary: endpoint.summary,
    ...(endpoint.access !== 'write' && { security: [{}, { bearer: [] }, { session: [] }] }),
    parameters: [
      ...parameters(endpoint.params, 'path', components),
      ...parameters(endpoint.query, 'query', components),
    ],
    ...(endpoint.body && {
      requestBody: {
        content: { 'application/json': { schema: schemaOf(endpoint.body, 'input', components) } },
      },
    }),
    responses: {
      [endpoint.created ? 201 : 200]: {
        description: 'Success',
        content: {
          'application/json': { schema: schemaOf(envelope(endpoint.data), 'output', components) },
        },
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

function parameters(
  schema: z.ZodType | undefined,
  where: 'path' | 'query',
  components: Json,
): Json[] {
  if (!(schema instanceof z.ZodObject)) return []
  const described = schemaOf(schema, 'input', components)
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

/** Every schema of the contract, by its name there: what is used more than once is described once. */
const NAMED = z.registry<{ id: string }>()
for (const [name, value] of Object.entries(contract)) {
  // Parameters are listed one by one, not as an object.
  if (value instanceof z.ZodObject && !name.endsWith('Params')) NAMED.add(value, { id: name })
}

/** JSON Schema, with the named schemas within it put among the components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Json): Json {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    metadata: NAMED,
    override({ jsonSchema }) {
      // The format says it, and the pattern is long.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
      // Answers may get further fields: the API only ever adds.
      if (io === 'output' && jsonSchema.additionalProperties === false) {
        delete jsonSchema.additionalProperties
      }
    },
  })
  const { $defs = {}, ...own } = pointToComponents(described)
  Object.assign(components, $defs)
  return own
}

function pointToComponents(schema: object): Json {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
}

const describeStream = (components: Json): Json => ({
  operationId: 'stream',
  tags: ['stream'],
  summary: 'Live topics as server-sent events; resumed by Last-Event-ID',
  security: [{}, { bearer: [] }, { session: [] }],
  parameters: [
    {
      name: 'topics',
      in: 'query',
      required: false,
      description: `Some of ${LIVE_TOPICS.join(', ')}, comma-separated`,
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
      content: { 'text/event-stream': { schema: schemaOf(LiveEvent, 'output', components) } },
    },
    ...errorResponses(),
  },
})

const PROFILE_DOWNLOAD: Json = {
  operationId: 'measure.profile.pprof',
  tags: ['measure'],
  summary: 'The profile as the agent sent it: gzipped pprof, as a file',
  security: [{}, { bearer: [] }, { session: [] }],
  parameters: [
    { name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } },
  ],
  responses: {
    200: {
      description: 'The file',
      content: { 'application/gzip': { schema: { type: 'string', format: 'binary' } } },
    },
    ...errorResponses(),
  },
}
