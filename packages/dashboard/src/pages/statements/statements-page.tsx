import { useQuery } from '@tanstack/react-query'
import { type ReactElement, useCallback } from 'react'
import { statementsQuery } from '../../api/queries.ts'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Pager } from '../../components/pager.tsx'
import { Panel } from '../../components/panel.tsx'
import { SearchField } from '../../components/search-field.tsx'
import { SkeletonRows } from '../../components/skeleton.tsx'
import { formatCount } from '../../format/number.ts'
import { oneOf } from '../../scope/list-search.ts'
import { useListSearch } from '../../scope/use-list-search.ts'
import { useScope } from '../../scope/use-scope.ts'
import { StatementTable } from './statement-table.tsx'

const SORTS = ['total_time', 'p95', 'calls'] as const

export function StatementsPage(): ReactElement {
  const { ask, range } = useScope()
  const [search, change] = useListSearch()
  const sort = oneOf(SORTS, search.sort) ?? 'total_time'
  const query = useQuery({
    ...statementsQuery({ ...ask, sort, search: search.q, page: search.page, per_page: 50 }),
    refetchInterval: range.refetchMs,
  })
  const onSearch = useCallback((q: string) => change({ q: q === '' ? undefined : q }), [change])
  return (
    <div className="page">
      <PageHead title="Statements" />
      <div className="filters">
        <SearchField label="Search statements" value={search.q ?? ''} onSearch={onSearch} />
      </div>
      <Panel
        title="Statements"
        note={
          query.data === undefined
            ? 'literals removed'
            : `${formatCount(query.data.pagination.total)} patterns, literals removed`
        }
        flush
      >
        <Loaded query={query} skeleton={<SkeletonRows rows={12} />}>
          {({ items, pagination }) =>
            items.length === 0 ? (
              <Empty icon="statements" title="No statement fits.">
                {search.q === undefined
                  ? 'No database statement was received in this range. Instrument the database driver: every OpenTelemetry distribution does so by default.'
                  : 'Try a table’s name, or a longer range.'}
              </Empty>
            ) : (
              <>
                <StatementTable
                  statements={items}
                  sort={sort}
                  onSort={next => change({ sort: next === 'total_time' ? undefined : next })}
                />
                <Pager pagination={pagination} onPage={page => change({ page })} />
              </>
            )
          }
        </Loaded>
      </Panel>
    </div>
  )
}
