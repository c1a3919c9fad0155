import type { HotFunction } from '@perfloop/client'
import type { ReactElement } from 'react'
import { ShareBar } from '../charts/breakdown-bar.tsx'
import { type Column, DataTable } from '../components/data-table.tsx'
import { Panel } from '../components/panel.tsx'
import { formatPercent } from '../format/number.ts'
import { formatProfileValue } from '../format/profile-value.ts'
import { codeOrigin, shortPlace } from './code-origin.ts'

const MOST_FUNCTIONS = 50

/** What a flame graph is of, as a table: the functions that take the most themselves. */
export function FunctionsPanel({
  functions,
  total,
  unit,
}: {
  functions: readonly HotFunction[]
  total: number
  unit: string
}): ReactElement {
  const most = Math.max(...functions.map(({ self }) => self), 1)
  const columns: readonly Column<HotFunction>[] = [
    {
      id: 'function',
      label: 'Function',
      width: '50%',
      cell: row => (
        <span className="two-lines">
          <b className="function-name" data-origin={codeOrigin(row)}>
            {row.name}
          </b>
          <small className="quiet" title={row.file}>
            {shortPlace(row)}
          </small>
        </span>
      ),
    },
    {
      id: 'self',
      label: 'Of its own',
      align: 'end',
      cell: row => <ShareBar share={row.self / most} label={formatProfileValue(row.self, unit)} />,
    },
    {
      id: 'self-share',
      label: 'Share',
      align: 'end',
      yields: 1,
      cell: row => formatPercent(row.self / Math.max(total, 1)),
    },
    {
      id: 'total',
      label: 'With what it called',
      align: 'end',
      yields: 2,
      cell: row => formatProfileValue(row.total, unit),
    },
  ]
  return (
    <Panel title="Functions" note="the most of their own first" flush>
      <DataTable
        label="Functions"
        columns={columns}
        rows={functions.filter(({ self }) => self > 0).slice(0, MOST_FUNCTIONS)}
        rowKey={row => `${row.name} ${row.file}`}
      />
    </Panel>
  )
}
