/** `in_progress`, `n-plus-one` → `In progress`, `N+1`: names of the API as words on screen. */
const WORDS: Readonly<Record<string, string>> = {
  'n-plus-one': 'N+1 queries',
  'n-plus-one-call': 'N+1 calls',
  'slow-statement': 'Slow statement',
  'slow-operation': 'Slow operation',
  'error-rate': 'Error rate',
  'missing-index': 'Missing index',
  'create-index': 'Create index',
  p50_ns: 'p50',
  p95_ns: 'p95',
  mean_ns: 'Mean',
  db_ns: 'Database time',
  error_ratio: 'Error rate',
  throughput: 'Throughput',
  no_effect: 'No effect',
  manual_required: 'By hand',
  rolled_back: 'Rolled back',
  db: 'Database',
}

export function toWords(name: string): string {
  const known = WORDS[name]
  if (known !== undefined) return known
  const words = name.replaceAll(/[_-]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/**
 * Keys of evidence carry their unit (`mean_ns`, `db_share_ratio`): the label without it, the value formatted by it.
 */
export function evidenceLabel(key: string): string {
  const spaced = key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
  return toWords(spaced.replace(/_(ns|ms|seconds|ratio|bytes|per_second|per_hour)(?=_|$)/g, ''))
}
