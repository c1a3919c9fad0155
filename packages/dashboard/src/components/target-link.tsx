import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { targetsQuery } from '../api/queries.ts'

/** A target by the name that somebody gave it. */
export function TargetLink({ id }: { id: string }): ReactElement {
  const { data } = useQuery(targetsQuery())
  const name = data?.find(target => target.id === id)?.name
  if (name === undefined) return <>{data === undefined ? '…' : 'a target that was removed'}</>
  return (
    <Link to="/targets" className="text-link">
      {name}
    </Link>
  )
}
