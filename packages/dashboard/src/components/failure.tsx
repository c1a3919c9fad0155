import { ApiFailure } from '@perfloop/client'
import { type ReactElement, useEffect, useState } from 'react'
import { askToSignIn } from '../api/sign-in.ts'
import { Icon } from './icon.tsx'

/** What went wrong, what to do about it, and a way to try again. The page around it stays. */
export function Failure({
  error,
  onRetry,
  title,
}: {
  error: unknown
  onRetry?: (() => void) | undefined
  title?: string
}): ReactElement {
  const cure = useCure(error)
  const failure = error instanceof ApiFailure ? error : undefined
  const message = withoutCure(error instanceof Error ? error.message : String(error), cure)
  return (
    <div className="failure" role="alert">
      <Icon name="failed" size={20} />
      <div>
        <p className="failure-title">{title ?? message}</p>
        {title !== undefined && <p>{message}</p>}
        {cure !== undefined && <p>{cure}</p>}
        {failure !== undefined && <FailureDetails failure={failure} />}
      </div>
      {onRetry !== undefined && (
        <button
          type="button"
          className="button"
          onClick={failure?.status === 401 ? () => void askToSignIn().then(onRetry) : onRetry}
        >
          {failure?.status !== 401 && <Icon name="refresh" />}
          {failure?.status === 401 ? 'Sign in' : 'Try again'}
        </button>
      )}
    </div>
  )
}

function FailureDetails({ failure }: { failure: ApiFailure }): ReactElement {
  const details = Object.entries(failure.details).filter(([name]) => name !== 'cure')
  return (
    <details className="failure-details" open={details.length > 0}>
      <summary>
        <code>{failure.code}</code>
        {failure.status !== null && ` · HTTP ${failure.status}`}
      </summary>
      <dl>
        <dt>Request</dt>
        <dd>
          <code>
            {failure.method} {failure.path}
          </code>
        </dd>
        {details.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{spokenDetail(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}

/** The API's message ends with the cure, which has a line of its own here. */
function withoutCure(message: string, cure: string | undefined): string {
  return cure !== undefined && message.endsWith(cure)
    ? message.slice(0, -cure.length).trim()
    : message
}

function spokenDetail(value: unknown): string {
  if (Array.isArray(value)) return value.map(spokenDetail).join('; ')
  if (typeof value !== 'object' || value === null) return String(value)
  return 'title' in value ? String(value.title) : JSON.stringify(value)
}

const NETWORK_CURE =
  'Check that Perfloop is running and reachable from this machine; the page asks again by itself.'

/** The catalogue of errors is only loaded when something failed. */
function useCure(error: unknown): string | undefined {
  const [cure, setCure] = useState<string>()
  useEffect(() => {
    let current = true
    if (!(error instanceof ApiFailure)) return
    if (error.kind === 'network') setCure(NETWORK_CURE)
    else if (typeof error.details.cure === 'string') setCure(error.details.cure)
    else {
      import('./error-cures.ts').then(
        ({ findCure }) => current && setCure(findCure(error.code)),
        () => undefined,
      )
    }
    return () => {
      current = false
    }
  }, [error])
  return cure
}
