// Builds everything a user needs to run Perfloop from a clone: the server, client, demo and benches
// with the TypeScript compiler, the SQL beside them, the agent's part in pages with Rolldown, and the dashboard with Vite.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const quiet = process.argv.includes('--quiet')

function run(command, args, cwd = root) {
  const result = spawnSync(command, args, {
    cwd,
    stdio: quiet ? ['ignore', 'pipe', 'inherit'] : 'inherit',
  })
  if (result.status === 0) return
  // The compiler writes its errors to standard output.
  process.stderr.write(result.stdout ?? '')
  process.exit(result.status ?? 1)
}

/** The newest modification below a folder, to skip the dashboard build when nothing changed. */
function newestMs(path) {
  if (!existsSync(path)) return 0
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map(name => newestMs(join(path, name))))
}

function copySql(from, to) {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name)
    if (entry.isDirectory()) copySql(source, join(to, entry.name))
    else if (entry.name.endsWith('.sql')) cpSync(source, join(to, entry.name))
  }
}

run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'])
copySql(join(root, 'packages/perfloop/src'), join(root, 'packages/perfloop/dist'))

// What pages load of the agent: one file to import, one for a script tag, and the development badge.
const agent = join(root, 'packages/agent')
for (const [entry, file, format] of [
  ['index', 'browser', 'esm'],
  ['script-tag', 'browser.iife', 'iife'],
  ['badge', 'badge', 'iife'],
]) {
  const bundle = join(agent, 'dist', `${file}.js`)
  if (existsSync(bundle) && statSync(bundle).mtimeMs > newestMs(join(agent, 'src/browser')))
    continue
  run(process.execPath, [
    join(root, 'node_modules/rolldown/bin/cli.mjs'),
    join(agent, 'src/browser', `${entry}.ts`),
    ...['--file', bundle, '--format', format, '--minify', '--sourcemap', 'hidden'],
    ...['--log-level', 'silent'],
  ])
}

const dashboard = join(root, 'packages/dashboard')
const built = join(dashboard, 'dist/index.html')
const sources = ['src', 'index.html', 'vite.config.ts', '../client/src'].map(name =>
  newestMs(join(dashboard, name)),
)
if (!existsSync(built) || statSync(built).mtimeMs < Math.max(...sources)) {
  run(
    process.execPath,
    [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'],
    dashboard,
  )
}
