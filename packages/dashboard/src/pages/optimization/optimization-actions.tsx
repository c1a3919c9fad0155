import type { OptimizationDetail, OptimizationStep } from '@perfloop/client'
import { useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { perfloop } from '../../api/perfloop.ts'
import { ActionDialog } from '../../components/action-dialog.tsx'
import { TargetLink } from '../../components/target-link.tsx'
import { SqlBlock } from '../../sql/sql-text.tsx'

interface Action {
  readonly label: string
  readonly text: string
  readonly shows: 'change' | 'undo' | 'nothing'
  readonly kind?: 'primary' | 'danger'
  readonly reason: 'optional' | 'required'
}

const ACTIONS: Readonly<Record<OptimizationStep, Action>> = {
  approve: {
    label: 'Approve',
    text: 'Perfloop may make this change: by itself where the policy applies what is approved, else when you apply it. Then it measures whether it helped; a regression undoes it by itself.',
    shows: 'change',
    kind: 'primary',
    reason: 'optional',
  },
  apply: {
    label: 'Apply now',
    text: 'The change is made on the target at once, then measured. A regression undoes it by itself.',
    shows: 'change',
    kind: 'primary',
    reason: 'optional',
  },
  keep: {
    label: 'Keep it',
    text: 'The change stays in spite of the verdict. Say why: whoever wonders later will read it.',
    shows: 'nothing',
    reason: 'required',
  },
  rollback: {
    label: 'Roll back',
    text: 'This is run on the target; nothing else is touched.',
    shows: 'undo',
    kind: 'danger',
    reason: 'optional',
  },
  dismiss: {
    label: 'Dismiss',
    text: 'It is put aside and not proposed again by itself. Nothing is changed on the target.',
    shows: 'nothing',
    reason: 'optional',
  },
}

export function OptimizationActions({
  optimization,
}: {
  optimization: OptimizationDetail
}): ReactElement {
  const queries = useQueryClient()
  const [chosen, setChosen] = useState<OptimizationStep>()
  const action = chosen === undefined ? undefined : ACTIONS[chosen]
  const step = async (name: OptimizationStep, reason: string): Promise<void> => {
    try {
      await perfloop.stepOptimization(optimization.id, name, reason)
    } finally {
      // Also when it failed: a conflict means that what is on screen is old.
      void queries.invalidateQueries({ queryKey: ['optimization', optimization.id] })
      void queries.invalidateQueries({ queryKey: ['optimizations'] })
    }
  }
  return (
    <>
      {optimization.allowed.map(name => (
        <button
          key={name}
          type="button"
          className="button"
          data-kind={ACTIONS[name].kind === 'primary' ? 'primary' : undefined}
          onClick={() => setChosen(name)}
        >
          {ACTIONS[name].label}
        </button>
      ))}
      {chosen !== undefined && action !== undefined && (
        <ActionDialog
          title={`${action.label}: ${optimization.title}`}
          confirm={action.label}
          danger={action.kind === 'danger'}
          reason={action.reason}
          onConfirm={reason => step(chosen, reason)}
          onClose={() => setChosen(undefined)}
        >
          <p>{action.text}</p>
          {action.shows !== 'nothing' && (
            <SqlBlock
              text={action.shows === 'change' ? optimization.change : optimization.undo}
              asWritten
            />
          )}
          {action.shows === 'change' && (
            <p className="quiet">
              Target: <TargetLink id={optimization.target_id} /> in {optimization.environment}.{' '}
              {optimization.risk}
            </p>
          )}
        </ActionDialog>
      )}
    </>
  )
}
