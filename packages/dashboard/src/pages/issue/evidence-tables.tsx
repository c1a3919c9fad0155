import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { formatEvidence } from '../../format/evidence-value.ts'
import { type Entry, type EvidenceTable, readTables } from './read-evidence.ts'

/** More are in the API's answer; a page is for the heaviest. */
const MOST_ENTRIES = 10

export function EvidenceTables({
  evidence,
}: {
  evidence: Readonly<Record<string, unknown>>
}): ReactElement[] {
  return readTables(evidence).map(table => <Table key={table.key} table={table} />)
}

function Table({ table: { title, columns, entries } }: { table: EvidenceTable }): ReactElement {
  return (
    <div className="spaced evidence-table">
      <h3>{title}</h3>
      <table className="table">
        <thead>
          <tr>
            {columns.map(({ key, label }) => (
              <th key={key} scope="col" data-align={isNumeric(key, entries) ? 'end' : undefined}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {entries.slice(0, MOST_ENTRIES).map(entry => (
            <tr key={JSON.stringify(entry)}>
              {columns.map(({ key }) => (
                <td key={key} data-align={isNumeric(key, entries) ? 'end' : undefined}>
                  <Cell column={key} entry={entry} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Cell({ column, entry }: { column: string; entry: Entry }): ReactElement {
  const words = formatEvidence(column, entry[column])
  if (column !== 'summary' || typeof entry.statement !== 'string') return <>{words}</>
  return (
    <Link
      to="/statements/$fingerprint"
      params={{ fingerprint: entry.statement }}
      className="text-link"
    >
      {words}
    </Link>
  )
}

function isNumeric(column: string, entries: readonly Entry[]): boolean {
  const known = entries.map(entry => entry[column]).filter(value => value != null)
  return column !== 'depth' && known.every(value => typeof value === 'number')
}
