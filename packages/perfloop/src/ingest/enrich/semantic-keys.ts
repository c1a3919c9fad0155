/**
 * What Perfloop knows of an attribute key: the part it plays in enrichment, in both generations of
 * OpenTelemetry's semantic conventions, and what privacy demands of its values. Where a sender sends both
 * generations at once, the one with the higher rank is read.
 */
export const ROLES = [
  'none',
  'httpMethod',
  'httpRoute',
  'urlPath',
  'httpTarget',
  'urlFull',
  'urlTemplate',
  'httpStatus',
  'serverAddress',
  'dbSystem',
  'dbStatement',
  'dbOperation',
  'dbCollection',
  'dbNamespace',
  'dbParameter',
  'dbResult',
  'dbResultRows',
  'rowCount',
  'batchSize',
  'responseBytes',
  'rpcSystem',
  'rpcService',
  'rpcMethod',
  'rpcStatus',
  'messagingSystem',
  'messagingDestination',
  'messagingOperation',
  'graphqlType',
  'graphqlName',
  'codeFile',
  'codeLine',
  'codeFunction',
  'templateName',
] as const
export type Role = (typeof ROLES)[number]

/**
 * What becomes of a value. `keep`: nothing; `drop`: the attribute goes; `statement`: its literals go;
 * `url`: parameter values go; `query`: the same, for a query without its question mark; `path`: e-mail
 * addresses go; `text`: what people write, so everything the text redactor knows goes; `document`: as
 * `statement`, in a language whose strings are in double quotes.
 */
export type Redaction =
  | 'keep'
  | 'drop'
  | 'statement'
  | 'url'
  | 'query'
  | 'path'
  | 'text'
  | 'document'

export interface KeyMeaning {
  readonly role: Role
  /** 2: current conventions; 1: the generation before; 0: what others send. */
  readonly rank: number
  readonly redaction: Redaction
}

const NOTHING: KeyMeaning = { role: 'none', rank: 0, redaction: 'keep' }

const current = (role: Role, redaction: Redaction = 'keep'): KeyMeaning => ({
  role,
  rank: 2,
  redaction,
})
const former = (role: Role, redaction: Redaction = 'keep'): KeyMeaning => ({
  role,
  rank: 1,
  redaction,
})
const foreign = (role: Role, redaction: Redaction = 'keep'): KeyMeaning => ({
  role,
  rank: 0,
  redaction,
})
const private_ = (redaction: Redaction): KeyMeaning => ({ role: 'none', rank: 0, redaction })

const MEANINGS = new Map<string, KeyMeaning>([
  ['http.request.method', current('httpMethod')],
  ['http.method', former('httpMethod')],
  ['http.route', current('httpRoute', 'path')],
  ['url.path', current('urlPath', 'path')],
  ['http.target', former('httpTarget', 'url')],
  ['url.full', current('urlFull', 'url')],
  ['http.url', former('urlFull', 'url')],
  ['url.template', current('urlTemplate')],
  ['url.query', private_('query')],
  ['http.response.status_code', current('httpStatus')],
  ['http.status_code', former('httpStatus')],
  ['server.address', current('serverAddress')],
  ['net.peer.name', former('serverAddress')],
  ['http.host', foreign('serverAddress')],

  ['db.system.name', current('dbSystem')],
  ['db.system', former('dbSystem')],
  ['db.query.text', current('dbStatement', 'statement')],
  ['db.statement', former('dbStatement', 'statement')],
  ['sql.query', foreign('dbStatement', 'statement')],
  ['db.sql', foreign('dbStatement', 'statement')],
  ['db.operation.name', current('dbOperation')],
  ['db.operation', former('dbOperation')],
  ['db.collection.name', current('dbCollection')],
  ['db.sql.table', former('dbCollection')],
  ['db.mongodb.collection', former('dbCollection')],
  ['db.cassandra.table', former('dbCollection')],
  ['db.elasticsearch.index', former('dbCollection')],
  ['db.namespace', current('dbNamespace')],
  ['db.name', former('dbNamespace')],
  ['db.redis.database_index', foreign('dbNamespace')],
  ['db.statement.parameters', former('dbParameter', 'drop')],
  ['db.sql.parameters', foreign('dbParameter', 'drop')],
  ['db.params', foreign('dbParameter', 'drop')],
  ['db.postgresql.values', foreign('dbParameter', 'drop')],
  ['db.connection_string', private_('text')],
  ['perfloop.db.parameters.hash', foreign('dbParameter', 'drop')],
  ['perfloop.db.result.hash', foreign('dbResult', 'drop')],
  ['perfloop.db.result.hashed_rows', foreign('dbResultRows')],

  ['db.response.returned_rows', current('rowCount')],
  ['db.row_count', former('rowCount')],
  ['db.rows_affected', foreign('rowCount')],
  ['db.result.count', foreign('rowCount')],
  ['db.statement.rows', foreign('rowCount')],
  ['db.operation.batch.size', current('batchSize')],
  ['http.response.body.size', current('responseBytes')],
  ['http.response_content_length', former('responseBytes')],
  ['http.response.size', foreign('responseBytes')],
  ['http.response_content_length_uncompressed', private_('keep')],

  ['rpc.system.name', current('rpcSystem')],
  ['rpc.system', former('rpcSystem')],
  ['rpc.service', former('rpcService')],
  ['rpc.method', current('rpcMethod')],
  ['rpc.response.status_code', current('rpcStatus')],
  ['rpc.grpc.status_code', former('rpcStatus')],

  ['messaging.system', current('messagingSystem')],
  ['messaging.destination.name', current('messagingDestination')],
  ['messaging.destination.template', { role: 'messagingDestination', rank: 3, redaction: 'keep' }],
  ['messaging.destination', former('messagingDestination')],
  ['messaging.operation.type', current('messagingOperation')],
  ['messaging.operation', former('messagingOperation')],
  ['messaging.operation.name', foreign('messagingOperation')],

  ['graphql.operation.type', current('graphqlType')],
  ['graphql.operation.name', current('graphqlName')],

  ['code.file.path', current('codeFile')],
  ['code.filepath', former('codeFile')],
  ['code.line.number', current('codeLine')],
  ['code.lineno', former('codeLine')],
  ['code.function.name', current('codeFunction')],
  ['code.function', former('codeFunction')],
  ['template.name', foreign('templateName')],
  ['view.name', foreign('templateName')],
  ['express.view', foreign('templateName')],
  ['flask.template_name', foreign('templateName')],
  ['code.template', foreign('templateName')],

  ['exception.message', private_('text')],
  ['exception.stacktrace', private_('text')],
  ['error.message', private_('text')],
  ['error.stack', private_('text')],
  ['error.stacktrace', private_('text')],
  ['error', private_('text')],
  ['message', private_('text')],
  ['log.body', private_('text')],
  ['feature_flag.error.message', private_('text')],
  ['http.error_message', private_('text')],
  ['http.status_text', private_('text')],
  ['otel.status_description', private_('text')],
  ['process.command', private_('text')],
  ['process.command_line', private_('text')],
  ['process.command_args', private_('drop')],
])

const DROPPED_HEADER =
  /^http\.(?:request|response)\.header\.(?:.*auth.*|cookie|set[-_]cookie|.*token.*|.*api[-_]?key.*|.*secret.*|.*session.*|x[-_]csrf.*)$/
const URL_HEADER = /^http\.(?:request|response)\.header\.(?:referer|referrer|location|origin)$/
const TEXT_HEADER =
  /^http\.(?:request|response)\.header\.|^(?:rpc\.(?:request|response)|rpc\.grpc\.(?:request|response))\.metadata\./
const METADATA = '.metadata.'
const DROPPED_METADATA = /auth|(?:^|\.metadata\.)cookie$|token|api[-_]?key|secret/
/** `db.query.parameter.<name>`, and its elder `db.query.parameters`. */
const DB_PARAMETER = /^db\.(?:query|operation)\.parameters?(?:\.|$)/

/** Names that programmers give to what opens a door, wherever they come from. `tokens` are counted, not told. */
const SECRET_KEY =
  /(?:password|passwd|passphrase|secret|credentials?|(?:api|access|private|secret|signing)[-_.]?key|(?:access|refresh|auth|id|bearer|csrf|session)[-_.]?token|authorization|(?:^|[-_.])(?:set[-_])?(?:cookie|pwd|token|ssn|cvv))$/
/** A query language of its own, whose strings are in double quotes. */
const GRAPHQL_KEY = /^graphql\.(?:document|source)$/

export function meaningOf(key: string): KeyMeaning {
  const known = MEANINGS.get(key)
  if (known !== undefined) return known
  if (DB_PARAMETER.test(key)) return { role: 'dbParameter', rank: 0, redaction: 'drop' }
  const lower = key.toLowerCase()
  if (DROPPED_HEADER.test(lower) || isDroppedMetadata(lower)) return private_('drop')
  if (URL_HEADER.test(lower)) return private_('url')
  if (TEXT_HEADER.test(lower)) return private_('text')
  if (SECRET_KEY.test(lower)) return private_('drop')
  if (GRAPHQL_KEY.test(lower)) return private_('document')
  return NOTHING
}

/** What follows the first of them is read once: a key may say the word as often as it likes. */
function isDroppedMetadata(key: string): boolean {
  const at = key.indexOf(METADATA)
  return at >= 0 && DROPPED_METADATA.test(key.slice(at + METADATA.length))
}
