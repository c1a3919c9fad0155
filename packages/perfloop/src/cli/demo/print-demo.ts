import { describeDemoSettings } from './demo-settings.ts'
import type { DemoReport } from './unattended.ts'

export interface DemoPlaces {
  readonly dashboardUrl: string
  readonly shopUrl: string
  readonly otlpHttpPort: number
  readonly otlpGrpcPort: number
  /** Ports that were taken, as `4600 → 4601`. */
  readonly moved: readonly string[]
  readonly planted: readonly { readonly fault: string; readonly what: string }[]
  readonly requestsPerSecond: number
  readonly dataDirectory: string
  readonly isTemporary: boolean
  readonly startedMs: number
}

export function describeDemo(places: DemoPlaces): string {
  const { planted } = places
  const example = planted[0]?.fault ?? 'n-plus-one'
  const moved =
    places.moved.length === 0 ? '' : `\n  Ports       taken, moved on: ${places.moved.join(', ')}`
  const data = places.isTemporary ? ' (removed at the end)' : ''
  return `
  The demo is running (${(places.startedMs / 1_000).toFixed(1)} s)

  Dashboard   ${places.dashboardUrl}
  Shop        ${places.shopUrl}, ${places.requestsPerSecond} requests a second
  OTLP        HTTP ${places.otlpHttpPort}, gRPC ${places.otlpGrpcPort}: send something of your own too${moved}
  Data        ${places.dataDirectory}${data}

  Planted     ${planted.length === 0 ? 'nothing: this is the healthy shop' : planted.map(({ fault, what }) => `${fault.padEnd(15)} ${what}`).join('\n              ')}
  Switch      curl -X POST ${places.shopUrl}/faults -H 'content-type: application/json' -d '{"${example}": ${planted.length === 0}}'

  For the demo ${wrapped(describeDemoSettings(), 96, 14)}.

  The first findings come within a minute. Ctrl-C stops everything.
`
}

/** Breaks at spaces, so that lines are at most `width` long; further lines are indented. */
function wrapped(text: string, width: number, indent: number): string {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line.length + word.length + indent > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.join(`\n${' '.repeat(indent)}`)
}

export function describeReport(report: DemoReport): string {
  const found = report.found.map(
    ({ severity, kind, title }) => `    ${severity.padEnd(8)} ${kind.padEnd(15)} ${title}`,
  )
  const proposed = report.proposed.map(({ title, status }) => `    ${status.padEnd(12)} ${title}`)
  const applied = report.applied.map(({ title, status }) => `    ${status.padEnd(12)} ${title}`)
  const verified = report.verified.map(
    ({ title, verdict, reason }) => `    ${verdict}: ${title}\n      ${reason}`,
  )
  return [
    `  Found in ${report.duration_s} s`,
    ...orNothing(found),
    '  Proposed',
    ...orNothing(proposed),
    '  Applied',
    ...orNothing(applied),
    '  Verified',
    ...orNothing(verified),
  ].join('\n')
}

function orNothing(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ['    nothing'] : lines
}
