import type { ReactElement, ReactNode } from 'react'
import { Icon, type IconName } from './icon.tsx'

/** Nothing here: why, and what to do about it. */
export function Empty({
  icon = 'search',
  title,
  children,
}: {
  icon?: IconName
  title: string
  children?: ReactNode
}): ReactElement {
  return (
    <div className="empty">
      <Icon name={icon} size={20} />
      <p className="empty-title">{title}</p>
      {children !== undefined && <div className="empty-text">{children}</div>}
    </div>
  )
}
