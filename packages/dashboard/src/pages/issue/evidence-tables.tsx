import type { ReactElement } from 'react'
import { formatEvidence } from '../../format/evidence-value.ts'
import { evidenceLabel } from '../../format/label.ts'

type Entry = Readonly<Record<string, unknown>>

/** More are in the API's answer; a page is for the heaviest. */
const MOST_ENTRIES = 10

/** Lists of things with names and numbers: the levels of a nested N+1, the status codes of failures. */
export function EvidenceTables({
  evidence,
}: {
  evidence: Readonly<Record<string, unknown>>
}): ReactElement[] {
  return Object.entries(evidence).flatMap(([key, value]) => {
    const entries = readEntries(value)
    return entries.length === 0 ? [] : [<EvidenceTable key={key} name={key} entries={entries} />]
  })
}

function EvidenceTable({
  name,
  entries,
}: {
  name: string
  entries: readonly Entry[]
}): ReactElement {
  const columns = [...new Set(entries.flatMap(Object.keys))]
  return (
    <div className="spaced evidence-table">
      <h3>{evidenceLabel(name)}</h3>
      <table className="table">
        <thead>
          <tr>
            {columns.map(column => (
              <th key={column} scope="col">
                {evidenceLabel(column)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {entries.slice(0, MOST_ENTRIES).map(entry => (
            <tr key={JSON.stringify(entry)}>
              {columns.map(column => (
                <td key={column}>{formatEvidence(column, entry[column])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function readEntries(value: unknown): readonly Entry[] {
  if (!Array.isArray(value)) return []
  return value.filter(
    (entry): entry is Entry => typeof entry === 'object' && entry !== null && !Array.isArray(entry),
  )
}
