import type { ComponentHealth } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { healthQuery } from '../../api/queries.ts'
import { useComponentName } from '../../components/component-name.ts'
import { Icon } from '../../components/icon.tsx'
import { formatDuration } from '../../format/duration.ts'

/** Whether what is on screen can be trusted: all well in a word, or what is not and why. */
export function HealthStrip(): ReactElement {
  const { data, isError } = useQuery(healthQuery())
  const componentName = useComponentName()
  if (isError && data === undefined) {
    return (
      <span className="strip" data-tone="bad">
        <Icon name="failed" size={14} /> Perfloop does not answer
      </span>
    )
  }
  if (data === undefined) return <span className="strip">Checking…</span>
  const ailing = data.components.filter(({ status }) => status !== 'healthy')
  if (ailing.length === 0) {
    return (
      <span className="strip" data-tone="good">
        <Icon name="check" size={14} /> All {data.components.length} components healthy
      </span>
    )
  }
  return (
    <Link to="/health" className="strip" data-tone={data.status === 'unhealthy' ? 'bad' : 'warn'}>
      <Icon name="warning" size={14} />
      {ailing
        .map(
          ({ component, reason, numbers }) =>
            `${componentName(component)}: ${reason ?? 'not well'}${howLate(numbers)}`,
        )
        .join(' · ')}
    </Link>
  )
}

/** Of the loader: how old what is on screen is while it lags. */
function howLate({ oldest_ms: oldestMs = 0 }: ComponentHealth['numbers']): string {
  return oldestMs > 0 ? `; what is shown is ${formatDuration(oldestMs * 1e6)} old` : ''
}
