import type { OperationRef } from '@perfloop/client'

export const SPAN_KINDS = [
  'unspecified',
  'internal',
  'server',
  'client',
  'producer',
  'consumer',
] as const satisfies readonly OperationRef['kind'][]

/** An operation in the address: `?op=GET /orders/:id&of=shop&kind=server&in=production`. */
export interface OperationSearch {
  readonly op: string
  readonly of: string
  readonly kind: OperationRef['kind']
  readonly in: string
}

export function operationSearch(operation: OperationRef): OperationSearch {
  return {
    op: operation.operation,
    of: operation.service,
    kind: operation.kind,
    in: operation.environment,
  }
}

export function readOperationSearch(search: Readonly<Record<string, unknown>>): OperationSearch {
  return {
    op: String(search.op ?? ''),
    of: String(search.of ?? ''),
    kind: SPAN_KINDS.find(kind => kind === search.kind) ?? 'server',
    in: String(search.in ?? ''),
  }
}

export function toOperationRef(search: OperationSearch): OperationRef {
  return { environment: search.in, service: search.of, operation: search.op, kind: search.kind }
}
