import type { IconName } from '../components/icon.tsx'

export interface Place {
  readonly to: string
  readonly label: string
  readonly icon: IconName
  /** `g` then this key goes there. */
  readonly key: string
  /** Other paths that belong to it. */
  readonly also?: string
}

/** Where one can go, in the order of the loop: what is measured, what is wrong, what is done about it, with what. */
export const PLACES: readonly { readonly group: string; readonly places: readonly Place[] }[] = [
  {
    group: 'Measure',
    places: [
      { to: '/', label: 'Overview', icon: 'overview', key: 'o' },
      { to: '/operations', label: 'Operations', icon: 'operations', key: 'p', also: '/operation' },
      { to: '/statements', label: 'Statements', icon: 'statements', key: 's' },
      { to: '/traces', label: 'Traces', icon: 'traces', key: 't' },
      { to: '/code', label: 'Hot code', icon: 'flame', key: 'f' },
      { to: '/runtime', label: 'Runtime', icon: 'runtime', key: 'r' },
      { to: '/coverage', label: 'Coverage', icon: 'coverage', key: 'c' },
    ],
  },
  {
    group: 'Improve',
    places: [
      { to: '/issues', label: 'Issues', icon: 'issues', key: 'i' },
      { to: '/optimizations', label: 'Optimizations', icon: 'optimizations', key: 'z' },
    ],
  },
  {
    group: 'Run',
    places: [
      { to: '/agents', label: 'Agents', icon: 'agents', key: 'n', also: '/profiles' },
      { to: '/targets', label: 'Targets', icon: 'targets', key: 'a' },
      { to: '/health', label: 'Health', icon: 'health', key: 'h' },
      { to: '/send', label: 'Send data', icon: 'send', key: 'd' },
      { to: '/settings', label: 'Settings', icon: 'settings', key: 'e' },
    ],
  },
]
