import { type ErrorComponentProps, useRouter } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { Failure } from '../components/failure.tsx'

/** A page that could not be drawn or fetched (a new version was installed meanwhile): say so, offer to load anew. */
export function BrokenPage({ error, reset }: ErrorComponentProps): ReactElement {
  const message = error instanceof Error ? error.message : String(error)
  const router = useRouter()
  return (
    <div className="page">
      <Failure
        title="This page could not be shown."
        error={error}
        onRetry={() => {
          if (/dynamically imported|module script/i.test(message)) location.reload()
          else {
            reset()
            void router.invalidate()
          }
        }}
      />
    </div>
  )
}
