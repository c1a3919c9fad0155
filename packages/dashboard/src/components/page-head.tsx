import { Link } from '@tanstack/react-router'
import { type ReactElement, type ReactNode, useEffect } from 'react'

export interface Crumb {
  readonly label: string
  readonly to: string
  readonly search?: Readonly<Record<string, string | undefined>>
}

export interface PageHeadProps {
  readonly title: string
  readonly crumbs?: readonly Crumb[]
  /** Shown in place of the title, where that is more than text. */
  readonly heading?: ReactNode
  readonly meta?: ReactNode
  readonly actions?: ReactNode
}

export function PageHead({
  title,
  crumbs = [],
  heading,
  meta,
  actions,
}: PageHeadProps): ReactElement {
  useEffect(() => {
    document.title = `${title} · Perfloop`
  }, [title])
  return (
    <header className="page-head">
      <div className="page-title">
        {crumbs.length > 0 && (
          <nav aria-label="Breadcrumb">
            <ol className="crumbs">
              {crumbs.map(crumb => (
                <li key={crumb.to + crumb.label}>
                  <Link to={crumb.to} search={{ ...crumb.search }}>
                    {crumb.label}
                  </Link>
                </li>
              ))}
            </ol>
          </nav>
        )}
        <h1>{heading ?? title}</h1>
        {meta !== undefined && <div className="page-meta">{meta}</div>}
      </div>
      {actions !== undefined && <div className="page-actions">{actions}</div>}
    </header>
  )
}
