import type { OperationRef } from '@perfloop/client'
import { Link } from '@tanstack/react-router'
import { Fragment, type ReactElement } from 'react'
import { operationSearch } from '../pages/operation/operation-search.ts'

const METHOD = /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (.+)$/

/** `GET /orders/:id` with the method quiet and aligned, so that a column of routes reads by its paths. */
export function OperationName({ operation }: { operation: string }): ReactElement {
  const match = METHOD.exec(operation)
  if (match === null) return <span className="operation-name">{operation}</span>
  return (
    <span className="operation-name">
      <span className="method">{match[1]}</span> <Route path={match[2] ?? ''} />
    </span>
  )
}

/** A long one goes on below from a slash. */
function Route({ path }: { path: string }): ReactElement[] {
  const ends = [...path.matchAll(/[^/]\/|$/g)].map(({ index }) => index + 1)
  return ends.map((end, at) => (
    <Fragment key={end}>
      {at > 0 && <wbr />}
      {path.slice(ends[at - 1] ?? 0, end)}
    </Fragment>
  ))
}

export function OperationLink({ operation }: { operation: OperationRef }): ReactElement {
  return (
    <Link to="/operation" search={operationSearch(operation)} className="text-link">
      <OperationName operation={operation.operation} />
    </Link>
  )
}
