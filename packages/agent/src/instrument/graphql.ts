import type { Agent } from '../agent.ts'
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
          // Up to version 15 they may also come one by one.
          const [given] = args as [{ document?: Document; operationName?: unknown }]
          const isOneByOne = args.length > 1
          const document = isOneByOne ? (args[1] as Document) : given.document
          noteOperation(operationOf(document, isOneByOne ? args[5] : given.operationName))
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
          noteOperation(operation)
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
          // One of GraphQL's own is an answer that the application means its caller to have.
          if (span !== undefined && nameOf(error) !== 'GraphQLError') noteErrorOf(span, error)
        } catch (failure) {
          agent.report('reading an error of GraphQL', failure)
        }
        return locate.call(this, error, ...rest)
      },
  )
}

function operationOf(document: Document | undefined, name: unknown): OperationNode | undefined {
  const operations = document?.definitions.filter(({ kind }) => kind === 'OperationDefinition')
  if (typeof name !== 'string' || name === '') return operations?.[0]
  return operations?.find(operation => operation.name?.value === name)
}

/** All of them come to one route. Of several in one request, the first is told. */
function noteOperation(operation: OperationNode | null | undefined): void {
  const span = operation ? requestAtHand() : undefined
  if (!operation || span === undefined || !span.isRecorded) return
  span.details ??= new SpanDetails(undefined)
  if (indexOf(span.details.attributes, TYPE) >= 0) return
  span.details.set(TYPE, operation.operation)
  span.details.set(NAME, operation.name?.value)
}

function nameOf(error: unknown): unknown {
  return (error as { name?: unknown } | null | undefined)?.name
}
