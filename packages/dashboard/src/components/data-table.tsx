import { Link } from '@tanstack/react-router'
import type { ReactElement, ReactNode } from 'react'
import { Icon } from './icon.tsx'

export interface Column<Row> {
  readonly id: string
  readonly label: string
  readonly cell: (row: Row) => ReactNode
  readonly align?: 'end'
  /** Value of the list's `sort` parameter this column sorts by. The server sorts, worst first. */
  readonly sort?: string
  readonly width?: string
  /** Columns that give way on narrow screens: 2 below 900 px, 1 below 640 px. */
  readonly yields?: 1 | 2
  readonly title?: string
}

export interface RowLink {
  readonly to: string
  readonly params?: Readonly<Record<string, string>>
  readonly search?: Readonly<Record<string, string | undefined>>
}

export interface DataTableProps<Row> {
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly rowKey: (row: Row) => string
  /** Where a row leads; the first column carries the link and the whole row follows it. */
  readonly rowLink?: (row: Row) => RowLink
  readonly sort?: string
  readonly onSort?: (sort: string) => void
}

export function DataTable<Row>(props: DataTableProps<Row>): ReactElement {
  const { label, columns, rows, rowKey, rowLink } = props
  return (
    <div className="table-frame">
      <table className="table">
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map(column => (
              <HeadCell key={column.id} column={column} sort={props.sort} onSort={props.onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={rowKey(row)} className={rowLink === undefined ? undefined : 'linked'}>
              {columns.map((column, index) => {
                const link = index === 0 ? rowLink?.(row) : undefined
                return (
                  <td key={column.id} {...cellProps(column)}>
                    {link === undefined ? (
                      column.cell(row)
                    ) : (
                      <Link
                        className="row-link"
                        to={link.to}
                        params={{ ...link.params }}
                        search={{ ...link.search }}
                      >
                        {column.cell(row)}
                      </Link>
                    )}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function HeadCell<Row>({
  column,
  sort,
  onSort,
}: {
  column: Column<Row>
  sort: string | undefined
  onSort: ((sort: string) => void) | undefined
}): ReactElement {
  const sortBy = column.sort
  const isSorted = sortBy !== undefined && sortBy === sort
  return (
    <th
      scope="col"
      {...cellProps(column)}
      style={column.width === undefined ? undefined : { width: column.width }}
      aria-sort={isSorted ? 'descending' : undefined}
      title={column.title}
    >
      {sortBy === undefined || onSort === undefined ? (
        column.label
      ) : (
        <button type="button" className="sort" onClick={() => onSort(sortBy)}>
          {column.label}
          <Icon name="down" size={12} />
        </button>
      )}
    </th>
  )
}

function cellProps(column: { align?: 'end'; yields?: 1 | 2 }): {
  'data-align': 'end' | undefined
  'data-yields': 1 | 2 | undefined
} {
  return { 'data-align': column.align, 'data-yields': column.yields }
}
