import type { Agent, Knob } from '@perfloop/client'
import { Link } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import { Badge } from '../../components/badge.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Icon } from '../../components/icon.tsx'
import { Ago } from '../../components/instant.tsx'
import { Panel } from '../../components/panel.tsx'
import { TermList } from '../../components/term-list.tsx'
import { formatKnobValue } from '../../format/knob-value.ts'
import { PutBack, TurnKnob } from './knob-dialogs.tsx'
import { TakeProfile } from './take-profile.tsx'

export function AgentCard({ agent }: { agent: Agent }): ReactElement {
  const [profiling, setProfiling] = useState<'cpu' | 'heap'>()
  return (
    <Panel
      title={agent.service}
      note={agent.instance}
      actions={
        <>
          <Badge tone={agent.connected ? 'good' : 'neutral'}>
            {agent.connected ? 'connected' : 'gone'}
          </Badge>
          {(['cpu', 'heap'] as const).map(kind => (
            <button
              key={kind}
              type="button"
              className="button small"
              disabled={!agent.connected}
              onClick={() => setProfiling(kind)}
            >
              <Icon name="flame" size={14} /> {kind === 'cpu' ? 'Profile CPU' : 'Profile heap'}
            </button>
          ))}
        </>
      }
    >
      <TermList
        terms={[
          { term: 'Environment', value: agent.environment },
          {
            term: 'Runs on',
            value: `${agent.runtime === 'nodejs' ? 'Node.js' : agent.runtime} ${agent.runtime_version}`,
          },
          { term: 'Agent', value: agent.agent_version },
          { term: 'Process', value: `${agent.process_id} on ${agent.host}` },
          {
            term: 'Frameworks',
            value:
              agent.frameworks.length === 0
                ? 'none known'
                : agent.frameworks
                    .map(({ name, version }) => `${name} ${version}`.trim())
                    .join(', '),
          },
          { term: 'Started', value: <Ago at={agent.started_at} /> },
          { term: 'Last heard of', value: <Ago at={agent.last_seen} /> },
          {
            term: 'Runtime',
            value: (
              <Link
                to="/runtime"
                search={{ env: agent.environment, svc: agent.service, instance: agent.instance }}
                className="text-link"
              >
                CPU, memory, event loop
              </Link>
            ),
          },
          {
            term: 'Coverage',
            value: (
              <Link
                to="/coverage"
                search={{ env: agent.environment, svc: agent.service }}
                className="text-link"
              >
                declared against seen
              </Link>
            ),
          },
        ]}
      />
      {agent.knobs.length > 0 && <Knobs agent={agent} />}
      {profiling !== undefined && (
        <TakeProfile agent={agent} kind={profiling} onClose={() => setProfiling(undefined)} />
      )}
    </Panel>
  )
}

function Knobs({ agent }: { agent: Agent }): ReactElement {
  const [turning, setTurning] = useState<Knob>()
  const [puttingBack, setPuttingBack] = useState<Knob>()
  const columns: readonly Column<Knob>[] = [
    {
      id: 'name',
      label: 'Knob',
      width: '38%',
      cell: row => (
        <span className="two-lines" title={row.description}>
          <code>{row.name}</code>
          <small className="quiet">{row.description}</small>
        </span>
      ),
    },
    {
      id: 'value',
      label: 'Now',
      align: 'end',
      cell: row => <b>{formatKnobValue(row.value, row.unit)}</b>,
    },
    {
      id: 'own',
      label: 'Its own',
      align: 'end',
      yields: 1,
      cell: row => formatKnobValue(row.own_value, row.unit),
    },
    {
      id: 'bounds',
      label: 'May be',
      align: 'end',
      yields: 2,
      cell: row => `${formatKnobValue(row.minimum, '')}–${formatKnobValue(row.maximum, row.unit)}`,
    },
    {
      id: 'turn',
      label: 'Turn',
      align: 'end',
      cell: row => (
        <span className="knob-actions">
          <button
            type="button"
            className="button small"
            disabled={!agent.connected}
            aria-label={`Turn ${row.name}`}
            onClick={() => setTurning(row)}
          >
            Turn
          </button>
          {row.turned !== null && (
            <button
              type="button"
              className="button small"
              aria-label={`Put ${row.name} back`}
              onClick={() => setPuttingBack(row)}
            >
              <Icon name="undo" size={14} /> Back
            </button>
          )}
        </span>
      ),
    },
  ]
  return (
    <div className="knobs">
      <DataTable
        label={`Knobs of ${agent.instance}`}
        columns={columns}
        rows={agent.knobs}
        rowKey={row => row.name}
      />
      {turning !== undefined && (
        <TurnKnob agent={agent} knob={turning} onClose={() => setTurning(undefined)} />
      )}
      {puttingBack !== undefined && (
        <PutBack agent={agent} knob={puttingBack} onClose={() => setPuttingBack(undefined)} />
      )}
    </div>
  )
}
