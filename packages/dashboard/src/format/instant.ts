const TIME = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const DAY_TIME = new Intl.DateTimeFormat('en-GB', {
  day: '2-digit',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
const FULL = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
})

const STEPS = [
  { unit: 'd', seconds: 86_400 },
  { unit: 'h', seconds: 3_600 },
  { unit: 'min', seconds: 60 },
] as const

/** 14:03:22 today, 20 Nov, 14:03 on other days; in the reader's time zone. */
export function formatInstant(instant: string | null | undefined, nowUnixMs = Date.now()): string {
  if (instant === null || instant === undefined) return '–'
  const date = new Date(instant)
  const today = date.toDateString() === new Date(nowUnixMs).toDateString()
  return today ? TIME.format(date) : DAY_TIME.format(date)
}

/** For tooltips: nothing left out. */
export function formatInstantFully(instant: string | number): string {
  return FULL.format(new Date(instant))
}

/** just now, 40 s ago, 5 min ago, 3 h ago, 2 d ago. */
export function formatAgo(instant: string | null | undefined, nowUnixMs = Date.now()): string {
  if (instant === null || instant === undefined) return 'never'
  const seconds = Math.round((nowUnixMs - Date.parse(instant)) / 1_000)
  if (seconds < 5) return 'just now'
  for (const step of STEPS) {
    if (seconds >= step.seconds) return `${Math.floor(seconds / step.seconds)} ${step.unit} ago`
  }
  return `${seconds} s ago`
}
