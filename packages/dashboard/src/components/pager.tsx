import type { Pagination } from '@perfloop/client'
import type { ReactElement } from 'react'
import { formatCount } from '../format/number.ts'
import { Icon } from './icon.tsx'

export function Pager({
  pagination,
  onPage,
}: {
  pagination: Pagination
  onPage: (page: number) => void
}): ReactElement | null {
  const { page, per_page, total, pages } = pagination
  if (pages <= 1) return null
  const first = (page - 1) * per_page + 1
  return (
    <nav className="pager" aria-label="Pages">
      <span>
        {formatCount(first)}–{formatCount(Math.min(total, page * per_page))} of {formatCount(total)}
      </span>
      <button
        type="button"
        className="button small"
        disabled={!pagination.has_prev}
        onClick={() => onPage(page - 1)}
      >
        <Icon name="left" size={14} /> Previous
      </button>
      <button
        type="button"
        className="button small"
        disabled={!pagination.has_next}
        onClick={() => onPage(page + 1)}
      >
        Next <Icon name="right" size={14} />
      </button>
    </nav>
  )
}
