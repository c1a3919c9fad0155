import { type DurationNs, durationNs, NS_PER_SECOND } from '../domain/duration.ts'
import type { SpanKind } from '../domain/span.ts'

/** What an execution of an operation is called. */
export function executionWord(kind: SpanKind): 'request' | 'message' | 'job' {
  if (kind === 'server') return 'request'
  return kind === 'consumer' ? 'message' : 'job'
}

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

export function formatPercent(ratio: number): string {
  // Nearly all is not all.
  const percent = ratio < 1 ? Math.min(99, ratio * 100) : ratio * 100
  return `${percent >= 10 || percent === 0 ? percent.toFixed(0) : percent.toPrecision(2)} %`
}

/** From here on hours read better than minutes. */
const LONG_S = 7_200

/** With the unit that reads best. */
export function formatDuration(duration: number): string {
  const seconds = duration / NS_PER_SECOND
  if (seconds >= LONG_S) {
    const hours = seconds / 3_600
    return hours >= 48 ? `${three(hours / 24)} days` : `${three(hours)} h`
  }
  if (seconds >= 60) return `${three(seconds / 60)} min`
  if (seconds >= 1) return `${three(seconds)} s`
  return seconds >= 0.0001 ? `${three(seconds * 1e3)} ms` : `${three(seconds * 1e6)} µs`
}

export function formatBytes(bytes: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  return `${three(bytes / 1024 ** power)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`
}

function three(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** A statement as a title can carry it: its summary, or the beginning of its text. */
export function statementName(summary: string, text: string): string {
  const name = summary === '' ? text : summary
  if (name === '') return 'a statement'
  return name.length > 80 ? `${name.slice(0, 79)}…` : name
}

export function averageNs(totalNs: number, count: number): DurationNs {
  return durationNs(count > 0 ? totalNs / count : 0)
}
