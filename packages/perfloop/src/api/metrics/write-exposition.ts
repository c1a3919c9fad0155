import type { MetricFamily, MetricSample } from './metric-family.ts'

export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
export const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8'

/** OpenMetrics for those who name it (Prometheus does); its forerunner for the rest, as promtool reads it. */
export function chooseFormat(
  accept: string | undefined,
): typeof OPEN_METRICS | typeof PROMETHEUS_TEXT {
  return /application\/openmetrics-text/i.test(accept ?? '') ? OPEN_METRICS : PROMETHEUS_TEXT
}

/**
 * The two formats differ in one thing here: the metadata of a counter names the family in OpenMetrics and
 * the sample (`_total`) in the older format. To that, UNIT and EOF are comments.
 */
export function writeExposition(
  families: readonly MetricFamily[],
  format: typeof OPEN_METRICS | typeof PROMETHEUS_TEXT,
): string {
  const lines: string[] = []
  for (const family of families) {
    if (family.samples.length === 0) continue
    const suffix = family.type === 'counter' ? '_total' : family.type === 'info' ? '_info' : ''
    const isOpen = format === OPEN_METRICS
    const described = isOpen ? family.name : `${family.name}${suffix}`
    const type = !isOpen && family.type === 'info' ? 'gauge' : family.type
    lines.push(`# HELP ${described} ${escapeHelp(family.help)}`, `# TYPE ${described} ${type}`)
    if (family.unit && isOpen) lines.push(`# UNIT ${described} ${family.unit}`)
    for (const sample of family.samples) {
      lines.push(
        `${family.name}${sample.suffix ?? suffix}${writeLabels(sample)} ${writeValue(sample.value)}`,
      )
    }
  }
  lines.push('# EOF', '')
  return lines.join('\n')
}

function writeLabels({ labels }: MetricSample): string {
  const entries = Object.entries(labels ?? {})
  if (entries.length === 0) return ''
  return `{${entries.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',')}}`
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

function escapeHelp(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function writeValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}
