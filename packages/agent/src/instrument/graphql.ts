import type { Agent } from '../agent.ts'
import type { ActiveSpan } from '../record/active-span.ts'
import { indexOf, SpanDetails } from '../record/span-details.ts'
import { requestAtHand } from './render-span.ts'
import { noteErrorOf } from './request-span.ts'
import { wrapMethod } from './wrap-method.ts'

/** https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/ */
const TYPE = 'graphql.operation.type'
const NAME = 'graphql.operation.name'

interface OperationNode {
  readonly kind: string
  readonly operation?: unknown
  readonly name?: { readonly value?: unknown }
}

interface Document {
  readonly definitions: readonly OperationNode[]
}

interface Execution {
  execute(...args: unknown[]): unknown
}

/** `execution/execute.js`, which servers of GraphQL and `graphql()` execute with. */
export function instrumentGraphqlExecution(agent: Agent, exports: object): void {
  wrapMethod(
    exports as Execution,
    'execute',
    execute =>
      function (this: Execution, ...args) {
        try {
          const span = unnamedRequest()
          if (span !== undefined) noteOperation(span, operationOfCall(args))
        } catch (error) {
          agent.report('naming an operation of GraphQL', error)
        }
        return execute.apply(this, args)
      },
  )
}

interface OperationFinder {
  getOperationAST(...args: unknown[]): OperationNode | null | undefined
}

/** `utilities/getOperationAST.js`: servers that execute by other means ask here what it is they are to execute. */
export function instrumentGraphqlOperations(agent: Agent, exports: object): void {
  wrapMethod(
    exports as OperationFinder,
    'getOperationAST',
    getOperation =>
      function (this: OperationFinder, ...args) {
        const operation = getOperation.apply(this, args)
        try {
          const span = unnamedRequest()
          if (span !== undefined) noteOperation(span, operation)
        } catch (error) {
          agent.report('naming an operation of GraphQL', error)
        }
        return operation
      },
  )
}

interface ErrorLocator {
  locatedError(error: unknown, ...rest: unknown[]): unknown
}

/** `error/locatedError.js`: what a resolver threw, of which its caller is told little. */
export function instrumentGraphqlErrors(agent: Agent, exports: object): void {
  wrapMethod(
    exports as ErrorLocator,
    'locatedError',
    locate =>
      function (this: ErrorLocator, error, ...rest) {
        try {
          const span = requestAtHand()
          if (span !== undefined && !isAnswer(error)) noteErrorOf(span, error)
        } catch (failure) {
          agent.report('reading an error of GraphQL', failure)
        }
        return locate.call(this, error, ...rest)
      },
  )
}

/** Up to version 15 they may also come one by one. */
function operationOfCall(args: readonly unknown[]): OperationNode | undefined {
  if (args.length > 1) return operationOf(args[1] as Document, args[5])
  const [given] = args as [{ document?: Document; operationName?: unknown }]
  return operationOf(given.document, given.operationName)
}

function operationOf(document: Document | undefined, name: unknown): OperationNode | undefined {
  const operations = document?.definitions.filter(({ kind }) => kind === 'OperationDefinition')
  if (typeof name !== 'string' || name === '') return operations?.[0]
  return operations?.find(operation => operation.name?.value === name)
}

/** All of them come to one route. Of several in one request, the first is told. */
function unnamedRequest(): ActiveSpan | undefined {
  const span = requestAtHand()
  if (span === undefined || !span.isRecorded) return undefined
  const { details } = span
  return details !== undefined && indexOf(details.attributes, TYPE) >= 0 ? undefined : span
}

function noteOperation(span: ActiveSpan, operation: OperationNode | null | undefined): void {
  if (!operation) return
  span.details ??= new SpanDetails(undefined)
  span.details.set(TYPE, operation.operation)
  span.details.set(NAME, operation.name?.value)
}

/**
 * What the application means its caller to have: an error of GraphQL's own, whatever it calls itself, or made like one,
 * or one of NestJS that is no failure of the server.
 */
function isAnswer(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  try {
    // Up to version 15 without extensions, but always with where in the query it belongs to.
    if ('positions' in error) return true
    const { extensions, getStatus } = error as { extensions?: unknown; getStatus?: unknown }
    if (typeof extensions === 'object' && extensions !== null) return true
    return typeof getStatus === 'function' && Number(getStatus.call(error)) < 500
  } catch {
    return false
  }
}
