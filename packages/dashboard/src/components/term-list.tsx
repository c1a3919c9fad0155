import type { ReactElement, ReactNode } from 'react'

export interface Term {
  readonly term: string
  readonly value: ReactNode
}

export function TermList({ terms }: { terms: readonly Term[] }): ReactElement {
  return (
    <dl className="terms">
      {terms.map(({ term, value }) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
