import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { growthOf, type ObservedMemory } from '../analyzers/memory-leak/growth.ts'
import { stabilityOf } from '../analyzers/memory-leak/stability.ts'
import { formatBytes, formatDuration } from '../analyzers/words.ts'
import { NS_PER_SECOND } from '../domain/duration.ts'
import type { MemoryStability } from '../domain/memory-stability.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import { MemoryLeakOptions } from '../settings/analyzers.ts'
import type { LabLeakFlags } from './lab.ts'

/** What `perfloop lab leak` answers for one column. Public format. */
export interface LabLeak {
  readonly name: string
  readonly leak: boolean
  /** Over the end of the file: as long as `analyzers.memoryLeak.stabilityMs` is by default. */
  readonly stability: MemoryStability
  readonly points: number
  readonly observed_seconds: number
  readonly growth_bytes_per_hour: number | null
  readonly growth_bytes_per_hour_low: number | null
  readonly full_in_seconds: number | null
}

const SECONDS_PER_HOUR = 3_600
const FROM_HERE_MILLISECONDS = 1e11

/** Verdicts on the memory in a CSV file (`-`: standard input), as text or JSON. */
export async function judgeMemoryFile(file: string, flags: LabLeakFlags): Promise<string> {
  const found = judgeMemory(await readInput(file), flags.limit)
  if (flags.json) return JSON.stringify(found)
  return found.map(sentence).join('\n')
}

/** Each column as `memory-leak` judges a process at the end of the file, with the settings it has by default. */
export function judgeMemory(csv: string, limitBytes?: number): readonly LabLeak[] {
  const options = MemoryLeakOptions.parse({})
  return readColumns(csv).map(({ name, points }) => {
    const stepS = options.stepMs / 1_000
    const lows = lowest(points, stepS)
    const times = [...lows.keys()]
    const [first = 0] = times
    const toS = (times.at(-1) ?? 0) + stepS
    const fromS = toS - options.horizonMs / 1_000
    const judged = times.filter(time => time >= fromS)
    const earlier = times.filter(time => time < fromS && time >= fromS - options.earlierMs / 1_000)
    const at = (time: number) => lows.get(time) ?? 0
    const memory: ObservedMemory = {
      what: 'memory',
      first_s: first,
      earlier_high: earlier.reduce((high, time) => Math.max(high, at(time)), 0),
      times_s: judged,
      lows: judged.map(at),
    }
    const growth = growthOf(memory, options.falseAlarmRatio, options)
    const daily = points.filter(({ atS }) => atS > toS - stepS - options.stabilityMs / 1_000)
    const { verdict, observedSeconds } = stabilityOf(
      { times: daily.map(({ atS }) => atS), lows: daily.map(({ bytes }) => bytes) },
      options,
    )
    return {
      name,
      leak: growth !== undefined,
      stability: verdict,
      points: points.length,
      observed_seconds: observedSeconds,
      growth_bytes_per_hour: growth?.bytesPerHour ?? null,
      growth_bytes_per_hour_low: growth?.lowBytesPerHour ?? null,
      full_in_seconds:
        growth === undefined || limitBytes === undefined
          ? null
          : (Math.max(0, limitBytes - growth.toBytes) / growth.bytesPerHour) * SECONDS_PER_HOUR,
    }
  })
}

interface Column {
  readonly name: string
  readonly points: readonly { readonly atS: number; readonly bytes: number }[]
}

function readColumns(csv: string): readonly Column[] {
  const lines = csv
    .split(/\r?\n/)
    .map(line => line.split(',').map(cell => cell.trim()))
    .filter(cells => cells.length > 1)
  const [head = []] = lines
  const hasHead = readInstant(head[0] ?? '') === undefined
  const rows = hasHead ? lines.slice(1) : lines
  if (rows.length === 0) throw unreadable(csv.slice(0, 80))
  return head.slice(1).map((name, index) => ({
    name: hasHead ? name : `value ${index + 1}`,
    points: rows
      .flatMap(cells => {
        const atS = readInstant(cells[0] ?? '')
        if (atS === undefined) throw unreadable(cells.join(','))
        const cell = cells[index + 1] ?? ''
        const bytes = Number(cell)
        if (!Number.isFinite(bytes)) throw unreadable(cells.join(','))
        return cell === '' ? [] : [{ atS, bytes }]
      })
      .toSorted((a, b) => a.atS - b.atS),
  }))
}

/** Unix seconds or milliseconds, or an ISO 8601 date with its time. */
function readInstant(cell: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(cell)) {
    const instant = Number(cell)
    return instant >= FROM_HERE_MILLISECONDS ? instant / 1_000 : instant
  }
  const parsed = /^\d{4}-\d\d-\d\d/.test(cell) ? Date.parse(cell) : Number.NaN
  return Number.isNaN(parsed) ? undefined : parsed / 1_000
}

/** The lowest of each step, by its start. */
function lowest(points: Column['points'], stepS: number): ReadonlyMap<number, number> {
  const lows = new Map<number, number>()
  for (const { atS, bytes } of points) {
    const step = Math.floor(atS / stepS) * stepS
    lows.set(step, Math.min(bytes, lows.get(step) ?? Number.POSITIVE_INFINITY))
  }
  return lows
}

async function readInput(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8')
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

function unreadable(found: string, cause?: unknown): PerfloopError {
  const expected = 'CSV: a timestamp (Unix seconds or ISO 8601), then bytes, one column a process'
  return new PerfloopError('INPUT_UNREADABLE', { expected, found: found.slice(0, 80) }, cause)
}

function stabilityWords(stability: MemoryStability): string {
  const over = `${MemoryLeakOptions.parse({}).stabilityMs / 3_600_000} h`
  return {
    stable: `stable over ${over}`,
    not_stable: `not stable over ${over}`,
    unclear: `unclear whether it is stable over ${over}`,
    not_enough_data: `not enough data for a verdict on ${over}`,
  }[stability]
}

function sentence({ name, leak, stability, ...found }: LabLeak): string {
  const rate = formatBytes(found.growth_bytes_per_hour ?? 0)
  const full =
    found.full_in_seconds === null
      ? ''
      : found.full_in_seconds === 0
        ? ', full'
        : `, full in ${formatDuration(found.full_in_seconds * NS_PER_SECOND)}`
  return `${name}: ${leak ? `a leak of ${rate} an hour${full}` : 'no leak found'}; ${stabilityWords(stability)}`
}
