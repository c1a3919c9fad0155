/** For lines that are of one kind, such as instances: in this order, and again from the start when there are more. */
const LINE_COLORS = [
  '--c-p95',
  '--c-external',
  '--c-db',
  '--c-render',
  '--c-self',
  '--c-p50',
  '--c-errors',
  '--c-calls',
  '--c-p99',
] as const

export function lineColor(index: number): string {
  return LINE_COLORS[index % LINE_COLORS.length] ?? '--c-self'
}
