import { METHODS as NODE_METHODS } from 'node:http'
import { NO_ROUTE } from '../../domain/span.ts'
import { foldOperationName } from '../fingerprint/fold-operation-name.ts'
import { routeTemplate } from '../fingerprint/route-template.ts'
import { KIND_CLIENT, KIND_SERVER, type SpanFacts } from './span-facts.ts'

/** Names are keys of every rollup; nothing readable is longer. */
const LONGEST_OPERATION = 255

/**
 * The operation of a span that has no statement: the same for both generations of semantic conventions,
 * and without ids. `GET /orders/:id` for HTTP servers, `POST /graphql query Basket` where they tell what of GraphQL
 * they executed, `GET (no route)` where they served nothing,
 * `GET api.example.com/orders/:id` for clients, `package.Service/Method` for RPC, `publish orders` for messaging, else
 * the folded span name.
 */
export function operationName(facts: SpanFacts): string {
  const name = protocolName(facts) ?? foldOperationName(facts.name)
  if (name === '') return 'unnamed'
  return name.length > LONGEST_OPERATION ? name.slice(0, LONGEST_OPERATION) : name
}

function protocolName(facts: SpanFacts): string | undefined {
  if (facts.has('rpcMethod') || facts.has('rpcSystem')) return rpcName(facts)
  if (facts.has('messagingDestination')) return messagingName(facts)
  if (facts.has('httpMethod')) return httpName(facts)
  return undefined
}

/** A request of which its server does not tell the route, so that only its path can name it. */
export function isWithoutRoute(facts: SpanFacts): boolean {
  return (
    facts.kind === KIND_SERVER &&
    facts.has('httpMethod') &&
    facts.text('httpRoute') === undefined &&
    !(facts.has('rpcMethod') || facts.has('rpcSystem') || facts.has('messagingDestination'))
  )
}

function httpName(facts: SpanFacts): string | undefined {
  if (facts.kind === KIND_SERVER) return httpServerName(facts)
  if (facts.kind === KIND_CLIENT) return httpClientName(facts)
  return undefined
}

function httpServerName(facts: SpanFacts): string {
  const route = facts.text('httpRoute') ?? (facts.isUnmatched ? NO_ROUTE : pathTemplate(facts))
  const name = route === undefined ? httpMethod(facts) : `${httpMethod(facts)} ${route}`
  return isOfGraphql(facts) ? `${name} ${graphqlOperation(facts)}` : name
}

/** A request whose operation of GraphQL is told: all of these come to one route. */
function isOfGraphql(facts: SpanFacts): boolean {
  return (
    facts.kind === KIND_SERVER &&
    !facts.isBeyondNames &&
    !facts.isUnmatched &&
    facts.has('httpMethod') &&
    GRAPHQL_TYPES.has(facts.text('graphqlType') ?? '')
  )
}

/** By a name that its caller has made up: without one there are only as many as types. */
export function hasGraphqlName(facts: SpanFacts): boolean {
  return isOfGraphql(facts) && GRAPHQL_NAME.test(facts.text('graphqlName') ?? '')
}

/** https://spec.graphql.org/October2021/#OperationType */
const GRAPHQL_TYPES: ReadonlySet<string> = new Set(['query', 'mutation', 'subscription'])
/** https://spec.graphql.org/October2021/#Name */
const GRAPHQL_NAME = /^[_A-Za-z]\w{0,99}$/

function graphqlOperation(facts: SpanFacts): string {
  const type = facts.text('graphqlType') ?? ''
  const name = facts.text('graphqlName') ?? ''
  return GRAPHQL_NAME.test(name) ? `${type} ${name}` : type
}

function pathTemplate(facts: SpanFacts): string | undefined {
  const path = facts.text('urlPath') ?? facts.text('httpTarget') ?? facts.text('urlFull')
  return path === undefined ? undefined : routeTemplate(path)
}

function httpClientName(facts: SpanFacts): string {
  const url = facts.text('urlFull')
  const host = url === undefined ? facts.text('serverAddress') : hostOf(url)
  const path = facts.text('urlTemplate') ?? (url === undefined ? undefined : routeTemplate(url))
  return `${httpMethod(facts)} ${host ?? ''}${path ?? ''}`.trimEnd()
}

/** Host without user and without port: both generations have it in their full URL. */
export function hostOf(url: string): string {
  const scheme = url.indexOf('://')
  const from = scheme < 0 ? 0 : scheme + 3
  let to = url.length
  for (const sign of ['/', '?', '#']) {
    const at = url.indexOf(sign, from)
    if (at >= 0 && at < to) to = at
  }
  const host = url.slice(url.lastIndexOf('@', to) >= from ? url.lastIndexOf('@', to) + 1 : from, to)
  return host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.replace(/:\d+$/, '')
}

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
])

/** Those that a route may be declared for, `SEARCH` and those of WebDAV among them. */
const METHODS_OF_ROUTES: ReadonlySet<string> = new Set(NODE_METHODS)

/** What is no method (`_OTHER`, a scanner's fancy) is `HTTP`, as the conventions say. A route vouches for a seldom one. */
function httpMethod(facts: SpanFacts): string {
  const method = (facts.text('httpMethod') ?? '').toUpperCase()
  if (METHODS.has(method)) return method
  const isOfRoute = facts.text('httpRoute') !== undefined && METHODS_OF_ROUTES.has(method)
  return isOfRoute ? method : 'HTTP'
}

function rpcName(facts: SpanFacts): string | undefined {
  const method = facts.text('rpcMethod')
  const service = facts.text('rpcService')
  if (method === undefined) return undefined
  return method.includes('/') || service === undefined ? method : `${service}/${method}`
}

/** The elder conventions said publish, send, deliver; the current ones have send, receive, process. */
const MESSAGING_VERBS: ReadonlyMap<string, string> = new Map([
  ['create', 'publish'],
  ['send', 'publish'],
  ['publish', 'publish'],
  ['receive', 'receive'],
  ['poll', 'receive'],
  ['deliver', 'process'],
  ['process', 'process'],
  ['settle', 'settle'],
])

function messagingName(facts: SpanFacts): string | undefined {
  const destination = facts.text('messagingDestination')
  if (destination === undefined) return undefined
  const said = facts.text('messagingOperation')?.toLowerCase()
  const verb = said === undefined ? verbOfKind(facts.kind) : (MESSAGING_VERBS.get(said) ?? said)
  return `${verb} ${foldOperationName(destination)}`
}

function verbOfKind(kind: number): string {
  return kind === 4 ? 'publish' : 'process'
}
