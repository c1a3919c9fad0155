import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { Empty } from '../components/empty.tsx'
import { PageHead } from '../components/page-head.tsx'

export function NotFound(): ReactElement {
  return (
    <div className="page">
      <PageHead title="Not found" />
      <Empty title="There is no page at this address.">
        <p>
          Go to the <Link to="/">overview</Link>, or press <kbd>?</kbd> for every place there is.
        </p>
      </Empty>
    </div>
  )
}
