/**
 * URL of the JavaScript that a worker thread or child process is started from. Compiled code finds its
 * neighbour in `dist`; TypeScript run in place (tests) finds the compiled twin, since Node 20 runs no
 * TypeScript. `import.meta.url` is given in, so that this stays a function of its arguments.
 */
export function builtEntry(importMetaUrl: string, relativePath: string): URL {
  const inSource = importMetaUrl.endsWith('.ts')
  const entry = new URL(relativePath.replace(/\.ts$/, '.js'), importMetaUrl)
  if (inSource)
    entry.pathname = entry.pathname.replace('/packages/perfloop/src/', '/packages/perfloop/dist/')
  return entry
}
