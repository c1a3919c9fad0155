import { type ReactElement, type ReactNode, useId } from 'react'

export interface PanelProps {
  readonly title: string
  /** What the numbers are of: unit, range, order. */
  readonly note?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
  /** The content reaches the edges: tables and lists. */
  readonly flush?: boolean
  readonly className?: string
}

export function Panel({
  title,
  note,
  actions,
  children,
  flush,
  className,
}: PanelProps): ReactElement {
  const id = useId()
  return (
    <section className={`panel ${className ?? ''}`} aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <p className="note">{note}</p>}
        {actions !== undefined && <div className="panel-actions">{actions}</div>}
      </header>
      <div className={flush === true ? 'panel-body flush' : 'panel-body'}>{children}</div>
    </section>
  )
}
