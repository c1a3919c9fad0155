import type { LedgerEntry } from '@perfloop/client'
import type { ReactElement } from 'react'
import { formatEvidence } from '../format/evidence-value.ts'
import { evidenceLabel, toWords } from '../format/label.ts'
import { Instant } from './instant.tsx'

/** Every step with who took it and why, newest first. Nothing is ever taken out of it. */
export function Ledger({ entries }: { entries: readonly LedgerEntry[] }): ReactElement {
  if (entries.length === 0) return <p className="quiet">Nothing has happened yet.</p>
  const newestFirst = entries.toSorted((one, other) => other.at.localeCompare(one.at))
  return (
    <ol className="ledger">
      {newestFirst.map(entry => (
        <li key={entry.id}>
          <p>
            <b>{toWords(entry.to)}</b>
            {entry.from !== null && (
              <span className="quiet"> from {toWords(entry.from).toLowerCase()}</span>
            )}
          </p>
          {entry.reason !== null && entry.reason !== '' && <p>{entry.reason}</p>}
          <small>
            <Instant at={entry.at} /> · {entry.actor}
          </small>
          <EvidenceOf evidence={entry.evidence} />
        </li>
      ))}
    </ol>
  )
}

function EvidenceOf({
  evidence,
}: {
  evidence: Readonly<Record<string, unknown>>
}): ReactElement | null {
  const entries = Object.entries(evidence)
  if (entries.length === 0) return null
  return (
    <details className="attributes bare">
      <summary>Evidence</summary>
      <dl>
        {entries.map(([key, value]) => (
          <div key={key}>
            <dt>{evidenceLabel(key)}</dt>
            <dd>{formatEvidence(key, value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}
