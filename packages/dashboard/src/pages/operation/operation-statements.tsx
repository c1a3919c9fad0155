import type { OperationAsk } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { operationStatementsQuery } from '../../api/queries.ts'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/panel.tsx'
import { SkeletonRows } from '../../components/skeleton.tsx'
import { StatementTable } from '../statements/statement-table.tsx'

export function OperationStatements({ ask }: { ask: OperationAsk }): ReactElement {
  const query = useQuery(operationStatementsQuery(ask))
  return (
    <Panel title="Statements" note="of one execution, by total time" flush>
      <Loaded query={query} skeleton={<SkeletonRows rows={4} />}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="statements" title="No statement ran under this operation in this range." />
          ) : (
            <StatementTable statements={items} underOperation />
          )
        }
      </Loaded>
    </Panel>
  )
}
