import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { healthQuery, issuesQuery, optimizationsQuery } from '../api/queries.ts'
import { Icon } from '../components/icon.tsx'
import { usePath } from '../scope/use-scope.ts'
import { PLACES, type Place } from './places.ts'

export function Sidebar({
  isOpen,
  onClose,
}: {
  isOpen: boolean
  onClose: () => void
}): ReactElement {
  const issues = useQuery(issuesQuery({ status: 'active', per_page: 1 }))
  const waiting = useQuery(optimizationsQuery({ status: 'proposed,manual_required', per_page: 1 }))
  const counts: Readonly<Record<string, number | undefined>> = {
    '/issues': issues.data?.pagination.total,
    '/optimizations': waiting.data?.pagination.total,
  }
  return (
    <aside className="sidebar" data-open={isOpen}>
      <div className="brand">
        <Link to="/" aria-label="Perfloop, overview" onClick={onClose}>
          <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M7 18.5h4l3-8.5 4.5 13 2.8-7.5H25" />
          </svg>
          <span>Perfloop</span>
        </Link>
        <button
          type="button"
          className="icon-button only-narrow"
          onClick={onClose}
          aria-label="Close the menu"
        >
          <Icon name="close" />
        </button>
      </div>
      <nav aria-label="Main">
        {PLACES.map(({ group, places }) => (
          <div key={group} className="nav-group">
            <h2>{group}</h2>
            <ul>
              {places.map(place => (
                <li key={place.to}>
                  <NavLink place={place} count={counts[place.to]} onGo={onClose} />
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <SelfState />
    </aside>
  )
}

function NavLink({
  place,
  count,
  onGo,
}: {
  place: Place
  count: number | undefined
  onGo: () => void
}): ReactElement {
  const path = usePath()
  const isHere = place.to === '/' ? path === '/' : path.startsWith(place.to) || path === place.also
  return (
    <Link to={place.to} aria-current={isHere ? 'page' : undefined} onClick={onGo}>
      <Icon name={place.icon} />
      <span>{place.label}</span>
      {count !== undefined && count > 0 && (
        <span className="count" title={`${count} waiting`}>
          {count}
        </span>
      )}
    </Link>
  )
}

/** How Perfloop itself is, at the foot of every page. */
function SelfState(): ReactElement {
  const { data } = useQuery(healthQuery())
  return (
    <footer className="self-state">
      {data !== undefined && (
        <Link to="/health">
          <span className="dot" data-tone={HEALTH_TONES[data.status]} aria-hidden="true" />
          <span>Perfloop {data.status}</span>
          <small>{data.version}</small>
        </Link>
      )}
    </footer>
  )
}

const HEALTH_TONES = { healthy: 'good', degraded: 'warn', unhealthy: 'bad' } as const
