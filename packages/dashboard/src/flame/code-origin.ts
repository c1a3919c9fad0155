export type CodeOrigin = 'operation' | 'own' | 'package' | 'node' | 'engine'

/**
 * Whose code a frame is: the application's, a package's, Node's own, or the engine's (`(garbage collector)`); or the
 * operation that it ran for (`GET /orders`), which stands above it in the continuous profile.
 */
export function codeOrigin({
  name,
  file,
}: {
  readonly name: string
  readonly file: string
}): CodeOrigin {
  if (file.startsWith('node:') || file.startsWith('internal/')) return 'node'
  if (file === '' && /^[^(]\S* /.test(name)) return 'operation'
  if (file === '') return name.startsWith('(') && name !== '(anonymous)' ? 'engine' : 'node'
  return /[\\/]node_modules[\\/]/.test(file) ? 'package' : 'own'
}

export const CODE_ORIGINS: readonly { readonly origin: CodeOrigin; readonly label: string }[] = [
  { origin: 'operation', label: 'Operations' },
  { origin: 'own', label: 'Your code' },
  { origin: 'package', label: 'Packages' },
  { origin: 'node', label: 'Node.js' },
  { origin: 'engine', label: 'Engine' },
]

/** `shop.js:12` of a path or URL, and `express: router.js:40` of one in a package. */
export function shortPlace({
  file,
  line,
}: {
  readonly file: string
  readonly line: number
}): string {
  if (file === '') return ''
  const inPackage = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file)
  const base = file.replace(/^.*[\\/]/, '')
  const place = line > 0 ? `${base}:${line}` : base
  return inPackage?.[1] === undefined ? place : `${inPackage[1]}: ${place}`
}
