import type { ReactElement } from 'react'
import { useLiveState } from '../api/use-live-updates.ts'

const WORDS = {
  connecting: { label: 'Connecting', title: 'Connecting to the live stream.' },
  live: { label: 'Live', title: 'Events arrive as they happen.' },
  stale: {
    label: 'Stale',
    title: 'Connected, but silent for more than 5 seconds: what you see may be old.',
  },
  disconnected: {
    label: 'Disconnected',
    title: 'The live stream is broken. A new connection is tried by itself.',
  },
} as const

export function LiveIndicator(): ReactElement {
  const state = useLiveState()
  const { label, title } = WORDS[state]
  return (
    <span className="live" data-state={state} title={title} role="status">
      <span className="dot" aria-hidden="true" />
      {label}
    </span>
  )
}
