import type { OperationRef } from '@perfloop/client'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { operationSearch } from '../pages/operation/operation-search.ts'

const METHOD = /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (.+)$/

/** `GET /orders/:id` with the method quiet and aligned, so that a column of routes reads by its paths. */
export function OperationName({ operation }: { operation: string }): ReactElement {
  const match = METHOD.exec(operation)
  if (match === null) return <span className="operation-name">{operation}</span>
  return (
    <span className="operation-name">
      <span className="method">{match[1]}</span> {match[2]}
    </span>
  )
}

export function OperationLink({ operation }: { operation: OperationRef }): ReactElement {
  return (
    <Link to="/operation" search={operationSearch(operation)} className="text-link">
      <OperationName operation={operation.operation} />
    </Link>
  )
}
