import type { Agent } from '@perfloop/client'
import { useNavigate } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import { perfloop } from '../../api/perfloop.ts'
import { ActionDialog } from '../../components/action-dialog.tsx'
import { Select } from '../../components/select.tsx'

const DURATIONS = [5, 10, 30, 60].map(seconds => ({
  value: String(seconds * 1_000),
  label: `${seconds} seconds`,
}))

/** Asks for it and goes to where it will be shown. */
export function TakeProfile({
  agent,
  kind,
  onClose,
}: {
  agent: Agent
  kind: 'cpu' | 'heap'
  onClose: () => void
}): ReactElement {
  const navigate = useNavigate()
  const [durationMs, setDurationMs] = useState('10000')
  return (
    <ActionDialog
      title={kind === 'cpu' ? 'Profile the CPU' : 'Profile the heap'}
      confirm="Start"
      reason="none"
      onConfirm={async () => {
        const profile = await perfloop.requestProfile({
          agent: agent.id,
          kind,
          duration_ms: Number(durationMs),
        })
        await navigate({ to: '/profiles/$id', params: { id: profile.id } })
      }}
      onClose={onClose}
    >
      <p>
        {kind === 'cpu'
          ? `Which functions of ${agent.instance} run, and who calls them. It costs the application a few percent of CPU while it lasts.`
          : `Which functions of ${agent.instance} allocate what is still in use. It costs the application some CPU while it lasts.`}
      </p>
      <Select
        label="For how long"
        value={durationMs}
        options={DURATIONS}
        onChoose={setDurationMs}
      />
    </ActionDialog>
  )
}
