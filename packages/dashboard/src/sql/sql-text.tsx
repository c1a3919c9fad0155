import { type ReactElement, useMemo } from 'react'
import { CopyButton } from '../components/copy-button.tsx'
import { formatSql, type SqlToken, tokenizeSql } from './format-sql.ts'

/** A statement laid out by clauses, with a button that copies it as it is. */
export function SqlBlock({
  text,
  label = 'Copy the statement',
  asWritten = false,
}: {
  text: string
  label?: string
  asWritten?: boolean
}): ReactElement {
  const tokens = useMemo(() => (asWritten ? tokenizeSql(text) : formatSql(text)), [text, asWritten])
  return (
    <div className="sql-block">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <pre tabIndex={0}>
        <code>
          <Tokens tokens={tokens} />
        </code>
      </pre>
      <CopyButton text={text} label={label} />
    </div>
  )
}

/** On one line, cut where the room ends: for tables and lists. */
export function SqlLine({ text }: { text: string }): ReactElement {
  const tokens = useMemo(() => tokenizeSql(text.replaceAll(/\s+/g, ' ').slice(0, 300)), [text])
  return (
    <code className="sql-line" title={text}>
      <Tokens tokens={tokens} />
    </code>
  )
}

function Tokens({ tokens }: { tokens: readonly SqlToken[] }): ReactElement {
  return (
    <>
      {tokens.map((token, index) =>
        token.kind === 'space' || token.kind === 'name' || token.kind === 'mark' ? (
          token.text
        ) : (
          // Tokens are their place in the text.
          <span key={index} className={`sql-${token.kind}`}>
            {token.text}
          </span>
        ),
      )}
    </>
  )
}
