import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { SentMetric } from '../measure/metrics.ts'
import { clockMs } from '../own-clock.ts'

const cores = availableParallelism()
const CPU_MODES = ['user', 'system'] as const
let lastCpu = process.cpuUsage()
let lastMs = clockMs()

/**
 * CPU, memory and files of the whole process, asked for in the exporting thread so that the application's need not:
 * https://opentelemetry.io/docs/specs/semconv/system/process-metrics/
 */
export function processMetrics(): SentMetric[] {
  const cpu = process.cpuUsage()
  const nowMs = clockMs()
  const elapsedMs = Math.max(nowMs - lastMs, 1)
  const byMode = (value: (mode: 'user' | 'system') => number) =>
    CPU_MODES.map(mode => ({ value: value(mode), attributes: { 'cpu.mode': mode } }))
  const metrics: SentMetric[] = [
    {
      name: 'process.cpu.time',
      unit: 's',
      type: 'counter',
      points: byMode(mode => cpu[mode] / 1e6),
    },
    {
      // As a share of all cores.
      name: 'process.cpu.utilization',
      unit: '1',
      type: 'gauge',
      points: byMode(mode => (cpu[mode] - lastCpu[mode]) / 1e3 / elapsedMs / cores),
    },
    plain('process.memory.usage', 'By', 'up-down-counter', process.memoryUsage.rss()),
    plain('process.uptime', 's', 'gauge', process.uptime()),
  ]
  lastCpu = cpu
  lastMs = nowMs
  const files = openFiles()
  if (files !== undefined) {
    metrics.push(
      plain('process.unix.file_descriptor.count', '{file_descriptor}', 'up-down-counter', files),
    )
  }
  return metrics
}

function plain(name: string, unit: string, type: SentMetric['type'], value: number): SentMetric {
  return { name, unit, type, points: [{ value, attributes: {} }] }
}

/** Linux tells; undefined elsewhere. */
function openFiles(): number | undefined {
  try {
    // One is that of the folder being read.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}
