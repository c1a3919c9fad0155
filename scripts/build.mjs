// Builds everything a user needs to run Perfloop from a clone: the server, client, demo and benches
// with the TypeScript compiler, the SQL beside them, the agent with Rolldown, and the dashboard with Vite.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

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
// The compiler writes none for a file that is one already.
for (const name of ['agent', 'agent/browser', 'client']) {
  const [folder, ...below] = name.split('/')
  const file = join(...below, 'required.d.cts')
  cpSync(join(root, 'packages', folder, 'src', file), join(root, 'packages', folder, 'dist', file))
}

// The agent in few files, since a process that starts with it waits for each of them. What runs in processes is CommonJS
// but for the file that `import` gives, which loads the same `agent.cjs` as the one that `require` gives.
const agent = join(root, 'packages/agent')
const inProcesses = { platform: 'node', folder: 'src' }
const inPages = { platform: 'browser', folder: 'src/browser', minify: true }
for (const [source, file, format, { platform, folder, ...output }] of [
  ['application-side', 'agent.cjs', 'cjs', inProcesses],
  ['required', 'required.cjs', 'cjs', inProcesses],
  ['index', 'index.js', 'esm', inProcesses],
  ['export/export.worker', 'export.worker.cjs', 'cjs', inProcesses],
  ['index', 'browser.js', 'esm', inPages],
  ['script-tag', 'browser.iife.js', 'iife', inPages],
  ['badge', 'badge.js', 'iife', inPages],
]) {
  const built = join(agent, 'dist', file)
  if (newestMs(built) > newestMs(join(agent, folder))) continue
  await build({
    platform,
    input: join(agent, folder, `${source}.ts`),
    logLevel: 'silent',
    output: {
      ...output,
      file: built,
      format,
      strict: true,
      codeSplitting: false,
      comments: false,
      // For our coverage. Where a process maps its stacks, it would read them, and take our frames for the application's.
      sourcemap: 'hidden',
    },
  })
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
