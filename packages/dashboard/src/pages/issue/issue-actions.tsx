import type { IssueDetail } from '@perfloop/client'
import { useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { perfloop } from '../../api/perfloop.ts'
import { issueQuery } from '../../api/queries.ts'
import { ActionDialog } from '../../components/action-dialog.tsx'
import { Segmented } from '../../components/segmented.tsx'

type Status = IssueDetail['status']

/** What may come next from each status; the server has the last word and says 409 when it changed meanwhile. */
const NEXT: Readonly<Record<Status, readonly Status[]>> = {
  open: ['acknowledged', 'in_progress', 'resolved', 'ignored'],
  acknowledged: ['in_progress', 'resolved', 'ignored'],
  in_progress: ['acknowledged', 'resolved', 'ignored'],
  resolved: ['reopened'],
  ignored: ['reopened', 'resolved'],
  reopened: ['acknowledged', 'in_progress', 'resolved', 'ignored'],
}

const ACTIONS: Readonly<Record<Status, { label: string; text: string }>> = {
  open: { label: 'Open', text: '' },
  acknowledged: {
    label: 'Acknowledge',
    text: 'Somebody has seen it. It stays in the list of active issues.',
  },
  in_progress: {
    label: 'Start work',
    text: 'Somebody is working on it. It stays in the list of active issues.',
  },
  resolved: {
    label: 'Resolve',
    text: 'It is fixed. When the next windows still show it, it is reopened by itself.',
  },
  ignored: {
    label: 'Ignore',
    text: 'It leaves the list of active issues until the time you choose, and why is kept.',
  },
  reopened: { label: 'Reopen', text: 'It goes back to the list of active issues.' },
}

const EXPIRIES = [
  { value: '1', label: '1 day' },
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: 'ever', label: 'For good' },
] as const
type Expiry = (typeof EXPIRIES)[number]['value']

const DAY_MS = 86_400_000

export function IssueActions({ issue }: { issue: IssueDetail }): ReactElement {
  const queries = useQueryClient()
  const [chosen, setChosen] = useState<Status>()
  const [expiry, setExpiry] = useState<Expiry>('7')
  const change = async (status: Status, reason: string): Promise<void> => {
    const changed = await perfloop.changeIssue(issue.id, {
      status,
      ...(reason === '' ? {} : { reason }),
      ...(status === 'ignored' && expiry !== 'ever'
        ? { ignored_until: new Date(Date.now() + Number(expiry) * DAY_MS).toISOString() }
        : {}),
    })
    queries.setQueryData(issueQuery(issue.id).queryKey, before =>
      before === undefined ? before : { ...before, ...changed },
    )
    await Promise.all([
      queries.invalidateQueries({ queryKey: ['issues'] }),
      queries.invalidateQueries({ queryKey: ['issue', issue.id] }),
    ])
  }
  return (
    <>
      {NEXT[issue.status].map((status, index) => (
        <button
          key={status}
          type="button"
          className="button"
          data-kind={index === 0 ? 'primary' : undefined}
          onClick={() => setChosen(status)}
        >
          {ACTIONS[status].label}
        </button>
      ))}
      {chosen !== undefined && (
        <ActionDialog
          title={`${ACTIONS[chosen].label} this issue`}
          confirm={ACTIONS[chosen].label}
          reason={chosen === 'ignored' ? 'required' : 'optional'}
          onConfirm={reason => change(chosen, reason)}
          onClose={() => setChosen(undefined)}
        >
          <p>{ACTIONS[chosen].text}</p>
          {chosen === 'ignored' && (
            <Segmented
              label="For how long"
              choices={EXPIRIES}
              value={expiry}
              onChoose={setExpiry}
            />
          )}
        </ActionDialog>
      )}
    </>
  )
}
