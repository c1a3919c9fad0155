import { ApiFailure, type Target } from '@perfloop/client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import { perfloop } from '../../api/perfloop.ts'
import { targetsQuery } from '../../api/queries.ts'
import { withSession } from '../../api/sign-in.ts'
import { ActionDialog } from '../../components/action-dialog.tsx'
import { Badge, type Tone } from '../../components/badge.tsx'
import { Empty } from '../../components/empty.tsx'
import { Failure } from '../../components/failure.tsx'
import { Icon } from '../../components/icon.tsx'
import { Ago } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { TermList } from '../../components/term-list.tsx'
import { formatEvidence } from '../../format/evidence-value.ts'
import { toWords } from '../../format/label.ts'
import { plural } from '../../format/number.ts'
import { AddTarget } from './add-target.tsx'
import { PolicyPanel } from './policy-panel.tsx'

export function TargetsPage(): ReactElement {
  const query = useQuery(targetsQuery())
  const [isAdding, setAdding] = useState(false)
  return (
    <div className="page">
      <PageHead
        title="Targets"
        meta="Databases that Perfloop may look at and, when you allow it, change."
        actions={
          <button
            type="button"
            className="button"
            data-kind="primary"
            onClick={() => setAdding(true)}
          >
            <Icon name="plus" size={14} /> Add a target
          </button>
        }
      />
      <div className="detail">
        <div>
          <Loaded query={query} skeleton={<Skeleton height={180} />}>
            {targets =>
              targets.length === 0 ? (
                <Panel title="Targets" flush>
                  <Empty icon="targets" title="No target yet.">
                    Add the database your services use. Perfloop reads its schema, statistics and
                    plans (never rows), finds missing indexes and proves them before anything is
                    changed.
                  </Empty>
                </Panel>
              ) : (
                targets.map(target => <TargetCard key={target.id} target={target} />)
              )
            }
          </Loaded>
        </div>
        <div>
          <PolicyPanel />
        </div>
      </div>
      {isAdding && <AddTarget onClose={() => setAdding(false)} />}
    </div>
  )
}

interface MadeChange {
  readonly id: string
  readonly title: string
}

/** What stands in the way of removing a target, from the refusal. */
function changesMade(failure: unknown): readonly MadeChange[] {
  if (!(failure instanceof ApiFailure) || failure.code !== 'TARGET_IN_USE') return []
  const { optimizations } = failure.details
  if (!Array.isArray(optimizations)) return []
  return optimizations.flatMap(({ id, title }) =>
    typeof id === 'string' && typeof title === 'string' ? [{ id, title }] : [],
  )
}

const TONES: Readonly<Record<Target['status'], Tone>> = {
  ok: 'good',
  degraded: 'warn',
  unreachable: 'bad',
  unknown: 'neutral',
}

function TargetCard({ target }: { target: Target }): ReactElement {
  const queries = useQueryClient()
  const [isRemoving, setRemoving] = useState(false)
  const [inUseBy, setInUseBy] = useState<readonly MadeChange[]>([])
  const [isChecking, setChecking] = useState(false)
  const [error, setError] = useState<unknown>()
  const check = async (): Promise<void> => {
    setChecking(true)
    setError(undefined)
    try {
      await withSession(() => perfloop.checkTarget(target.id))
    } catch (failure) {
      setError(failure)
    } finally {
      setChecking(false)
      await queries.invalidateQueries({ queryKey: ['targets'] })
    }
  }
  return (
    <Panel
      title={target.name}
      note={target.version ?? toWords(target.kind)}
      actions={
        <>
          <Badge tone={TONES[target.status]}>
            {target.status === 'ok' ? 'reachable' : target.status}
          </Badge>
          <button type="button" className="button small" disabled={isChecking} onClick={check}>
            <Icon name="refresh" size={14} /> {isChecking ? 'Checking…' : 'Check'}
          </button>
          <button type="button" className="button small" onClick={() => setRemoving(true)}>
            Remove
          </button>
        </>
      }
    >
      {error !== undefined && <Failure error={error} onRetry={() => void check()} />}
      <TermList
        terms={[
          { term: 'Environment', value: target.environment },
          {
            term: 'Services',
            value:
              target.services.length === 0 ? 'all of the environment' : target.services.join(', '),
          },
          {
            term: 'May change it',
            value: target.can_change ? 'yes, when approved' : 'no, reading only',
          },
          { term: 'Tables', value: target.facts.tables },
          { term: 'Indexes', value: target.facts.indexes },
          { term: 'Plans', value: target.facts.plans },
          { term: 'Collected', value: <Ago at={target.collected_at} /> },
          ...Object.entries(target.options).map(([key, value]) => ({
            term: toWords(key),
            value: value === '***' ? 'kept secret' : <code>{formatEvidence(key, value)}</code>,
          })),
        ]}
      />
      {target.notes.length > 0 && (
        <ul className="bullets spaced">
          {target.notes.map(note => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {isRemoving && (
        <ActionDialog
          title={`Remove ${target.name}?`}
          confirm={inUseBy.length === 0 ? 'Remove' : 'Remove it anyway'}
          danger
          reason="none"
          onConfirm={async () => {
            try {
              await perfloop.removeTarget(target.id, { force: inUseBy.length > 0 })
            } catch (failure) {
              setInUseBy(changesMade(failure))
              throw failure
            }
            await queries.invalidateQueries({ queryKey: ['targets'] })
          }}
          onClose={() => {
            setRemoving(false)
            setInUseBy([])
          }}
        >
          {inUseBy.length > 0 && (
            <ul className="bullets">
              {inUseBy.map(({ id, title }) => (
                <li key={id}>
                  <Link to="/optimizations/$id" params={{ id }} className="text-link">
                    {title}
                  </Link>
                </li>
              ))}
            </ul>
          )}
          <p>
            Perfloop forgets it and what it collected there ({plural(target.facts.tables, 'table')}
            ). Nothing in the database is changed.
          </p>
        </ActionDialog>
      )}
    </Panel>
  )
}
