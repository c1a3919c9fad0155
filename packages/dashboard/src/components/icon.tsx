import type { ReactElement } from 'react'

/** Our own line icons: 16 px grid, 1.5 px strokes, the text's color. */
const PATHS = {
  overview: 'M2 9.5 5 6l3 3 5.5-6.5M2 13.5h12',
  operations: 'M2.5 4h11M2.5 8h7M2.5 12h9',
  statements:
    'M8 2.5c3 0 5 .9 5 2v7c0 1.1-2 2-5 2s-5-.9-5-2v-7c0-1.1 2-2 5-2ZM3 4.5c0 1.1 2 2 5 2s5-.9 5-2M3 8c0 1.1 2 2 5 2s5-.9 5-2',
  traces: 'M2 3.5h8M5 8h6M8 12.5h6',
  issues: 'M8 2 14.5 13.5h-13L8 2ZM8 6.5v3M8 11.5v.1',
  optimizations: 'M13.5 8A5.5 5.5 0 1 1 11.6 3.8M13.5 1.8v3h-3M6 8.2 7.5 9.7 10.4 6.6',
  targets:
    'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z',
  health: 'M1.5 8.5h3l2-5 3 9 2-4h3',
  send: 'M8 11V2.5M4.5 6 8 2.5 11.5 6M2.5 10.5v3h11v-3',
  settings:
    'M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM6 13a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Z',
  agents:
    'M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14',
  coverage: 'M2.5 4.5 4 6l2.5-3M2.5 11.5 4 13l2.5-3M9 4.5h4.5M9 11.5h4.5',
  flame:
    'M8 14a4.5 4.5 0 0 0 4.5-4.5c0-3-2.5-4-3-7-2 1-3.3 2.8-3 5-.8-.3-1.2-1-1.3-1.7A5 5 0 0 0 3.5 9.5 4.5 4.5 0 0 0 8 14Z',
  runtime: 'M2.5 11.5a5.5 5.5 0 1 1 11 0M8 11.5l2.6-4M5.5 13.5h5',
  menu: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  close: 'M4 4l8 8M12 4l-8 8',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5 14 14',
  down: 'M4 6.5 8 10.5l4-4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4 6 8l4 4',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  check: 'M3 8.5 6.5 12 13 4.5',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 5v3.2l2.2 1.6',
  sun: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1',
  moon: 'M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6Z',
  system: 'M2 3h12v8H2zM6 13.5h4M8 11v2.5',
  help: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6.2 6.3a1.8 1.8 0 1 1 2.5 1.8c-.5.2-.7.5-.7 1M8 11.2v.1',
  refresh: 'M13.5 8A5.5 5.5 0 1 1 11.6 3.8M13.5 1.8v3h-3',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  fit: 'M2.5 6v-3.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5v9l7.5-4.5L5 3.5Z',
  stop: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM3.8 3.8l8.4 8.4',
  download: 'M8 2.5V11M4.5 7.5 8 11l3.5-3.5M2.5 10.5v3h11v-3',
  undo: 'M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6M5.5 3.5 2.5 6.5l3 3',
  warning: 'M8 2 14.5 13.5h-13L8 2ZM8 6.5v3M8 11.5v.1',
  failed: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 5v3.5M8 11v.1',
  code: 'M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5',
  link: 'M9.5 2.5h4v4M13.5 2.5 7.5 8.5M11.5 9v4.5h-9v-9H7',
  repeat: 'M3 7V6a2 2 0 0 1 2-2h8M11 2l2 2-2 2M13 9v1a2 2 0 0 1-2 2H3M5 14l-2-2 2-2',
} as const
export type IconName = keyof typeof PATHS

export function Icon({ name, size = 16 }: { name: IconName; size?: number }): ReactElement {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
