import type { Trace } from '@perfloop/client'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { Badge } from '../components/badge.tsx'
import { Panel } from '../components/panel.tsx'
import { TermList } from '../components/term-list.tsx'
import { formatDuration } from '../format/duration.ts'
import { formatInstantFully } from '../format/instant.ts'
import { toWords } from '../format/label.ts'
import { formatCount, formatPercent } from '../format/number.ts'
import { SqlBlock } from '../sql/sql-text.tsx'
import type { SpanNode, SpanTree } from './span-tree.ts'

export function SpanDetails({
  node,
  tree,
  trace,
  criticalNs,
}: {
  node: SpanNode
  tree: SpanTree
  trace: Trace
  criticalNs: number
}): ReactElement {
  const { span } = node
  const startedMs = Number(BigInt(span.start_unix_ns) / 1_000_000n)
  return (
    <Panel
      title={span.statement?.summary ?? span.name}
      className="span-details"
      actions={
        span.status === 'error' ? (
          <Badge tone="bad">failed</Badge>
        ) : (
          <Badge>{toWords(span.category)}</Badge>
        )
      }
    >
      {span.status_message !== null && span.status_message !== '' && (
        <p className="status-message">{span.status_message}</p>
      )}
      <TermList
        terms={[
          { term: 'Duration', value: formatDuration(span.duration_ns) },
          { term: 'Of the trace', value: formatPercent(span.duration_ns / tree.totalNs) },
          { term: 'Self', value: formatDuration(node.selfNs) },
          { term: 'Critical', value: formatDuration(criticalNs) },
          { term: 'Starts after', value: formatDuration(node.startNs) },
          { term: 'At', value: formatInstantFully(startedMs) },
          { term: 'Service', value: span.service },
          { term: 'Kind', value: span.kind },
          ...(span.row_count === null
            ? []
            : [{ term: 'Rows', value: formatCount(span.row_count) }]),
          ...(span.result === null ? [] : [{ term: 'Result', value: <code>{span.result}</code> }]),
          ...(span.code_location === null
            ? []
            : [{ term: 'Code', value: <code>{span.code_location}</code> }]),
        ]}
      />
      {span.statement !== null && (
        <div className="spaced">
          <SqlBlock text={span.statement.text} />
          <p className="spaced">
            <Link
              to="/statements/$fingerprint"
              params={{ fingerprint: span.statement.fingerprint }}
              className="text-link"
            >
              This statement everywhere
            </Link>
          </p>
        </div>
      )}
      {span.events.map(event => (
        <Attributes
          key={event.name + event.time_unix_ns}
          title={`${event.name} at ${formatDuration(Number(BigInt(event.time_unix_ns) - BigInt(trace.start_unix_ns)))}`}
          attributes={event.attributes}
          isOpen
        />
      ))}
      <Attributes title="Attributes" attributes={span.attributes} isOpen />
      {span.links.map(link => (
        <p key={link.span_id} className="spaced">
          Linked to{' '}
          <Link
            to="/traces/$traceId"
            params={{ traceId: link.trace_id }}
            search={{ span: link.span_id }}
            className="text-link"
          >
            {link.trace_id.slice(0, 8)}
          </Link>
        </p>
      ))}
      <Attributes title="Resource" attributes={trace.resources[span.resource] ?? {}} />
      <Attributes
        title="Instrumentation"
        attributes={{ name: span.scope.name, version: span.scope.version, 'span id': span.span_id }}
      />
    </Panel>
  )
}

function Attributes({
  title,
  attributes,
  isOpen = false,
}: {
  title: string
  attributes: Readonly<Record<string, unknown>>
  isOpen?: boolean
}): ReactElement | null {
  const entries = Object.entries(attributes)
  if (entries.length === 0) return null
  return (
    <details className="attributes" open={isOpen}>
      <summary>
        {title} <small>{entries.length}</small>
      </summary>
      <dl>
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}
