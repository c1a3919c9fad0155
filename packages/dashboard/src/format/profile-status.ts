import type { Profile } from '@perfloop/client'
import type { Tone } from '../components/badge.tsx'

/** How far a profile is, as it is said on pages. */
export const PROFILE_STATUS: Readonly<
  Record<Profile['status'], { readonly label: string; readonly tone: Tone }>
> = {
  requested: { label: 'requested', tone: 'info' },
  running: { label: 'recording', tone: 'warn' },
  finished: { label: 'received', tone: 'good' },
  failed: { label: 'failed', tone: 'bad' },
}
