import { type ErrorComponentProps, useRouter } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import { perfloop } from '../api/perfloop.ts'
import { Failure } from '../components/failure.tsx'
import { PageNotLoaded } from './lazy-page.ts'

/** A page that could not be drawn or fetched (a new version was installed meanwhile): say so, offer to load anew. */
export function BrokenPage({ error, reset }: ErrorComponentProps): ReactElement {
  const [again, setAgain] = useState<unknown>()
  const router = useRouter()
  const retry = (): void => {
    if (!(error instanceof PageNotLoaded)) {
      reset()
      void router.invalidate()
      return
    }
    // Only a server that answers can give the page: without one, loading anew would lose what is on screen.
    perfloop.health().then(() => location.reload(), setAgain)
  }
  return (
    <div className="page">
      <Failure title="This page could not be shown." error={again ?? error} onRetry={retry} />
    </div>
  )
}
