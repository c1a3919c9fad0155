// What the linter cannot know about this repository: which folder may import which, that there are no
// import cycles, that metrics are compared with settings and not with numbers, and that the product names
// nobody's application. Prints every breach and exits 1 when there is one.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'packages/perfloop/src')
const breaches = []

/** Each layer may import itself and those before it. Folders of one layer do not import each other, but as listed. */
const LAYERS = [
  ['domain', 'statistics'],
  ['settings'],
  ['store'],
  ['ingest', 'analysis'],
  ['optimizer', 'agents'],
  ['analyzers', 'optimizations', 'targets'],
  ['api', 'alerts', 'reports', 'coverage'],
  ['server', 'cli'],
]
const SAME_LAYER = new Set(['server>cli', 'cli>server', 'optimizations>targets'])
/** Plugins see the plugin faces and the store's query face only: what a stranger's plugin sees. */
const PLUGINS = ['analyzers', 'optimizations', 'targets']
const PLUGIN_FACES = [
  /^analysis\/analyzer\.ts$/,
  /^optimizer\/(optimization|target)\.ts$/,
  /^store\/telemetry\/(query|target-facts)\.ts$/,
  /^store\/telemetry\/queries\//,
  /^(domain|statistics|settings)\//,
]

const layerOf = folder => LAYERS.findIndex(layer => layer.includes(folder))
const files = readdirSync(source, { recursive: true })
  .map(String)
  .filter(name => name.endsWith('.ts'))
const imports = new Map(files.map(file => [file, importsOf(file)]))

for (const [file, targets] of imports) {
  const from = file.split('/')[0]
  for (const { path, typeOnly } of targets) {
    const to = path.split('/')[0]
    if (file.includes('.test.') || from === to || !file.includes('/') || !path.includes('/'))
      continue
    if (from === 'domain' || from === 'statistics')
      breach(file, `imports ${path}: ${from} imports nothing`)
    if (layerOf(to) > layerOf(from)) breach(file, `imports ${path}: dependencies point inward`)
    if (layerOf(to) === layerOf(from) && !SAME_LAYER.has(`${from}>${to}`)) {
      breach(file, `imports ${path}: neighbours do not import each other`)
    }
    if (
      PLUGINS.includes(from) &&
      !PLUGINS.includes(to) &&
      !PLUGIN_FACES.some(face => face.test(path)) &&
      !typeOnly
    ) {
      breach(file, `imports ${path}: plugins see the plugin faces only`)
    }
  }
}
for (const cycle of findCycles()) breach(cycle[0], `is in an import cycle: ${cycle.join(' → ')}`)

const METRIC =
  /\b\w*(?:Ns|Ms|Bytes|Ratio|PerSecond|PerHour|duration|latency|percentile|p50|p95|p99)\b/
const COMPARED_WITH_NUMBER = new RegExp(
  `(?:${METRIC.source})\\)?\\s*(?:<=?|>=?)\\s*(?!0\\b|1\\b|-1\\b)\\d[\\d_.e]*|(?<![\\w.])(?!0\\b|1\\b)\\d[\\d_.e]*\\s*(?:<=?|>=?)\\s*(?:${METRIC.source})`,
)
for (const file of files) {
  if (file.startsWith('settings/') || file.includes('.test.')) continue
  const lines = readFileSync(join(source, file), 'utf8').split('\n')
  lines.forEach((line, index) => {
    const code = line.replace(/\/\/.*$/, '').replace(/'[^']*'|"[^"]*"/g, "''")
    if (/^\s*\*/.test(line)) return
    if (COMPARED_WITH_NUMBER.test(code) && !line.includes('not a threshold:')) {
      breach(
        `${file}:${index + 1}`,
        'compares a metric with a number: thresholds live in settings/ (or say `// not a threshold: …`)',
      )
    }
  })
}

const NAMES = /\b(?:laser|edurise|verenigingen|volunteer|sepa\b|MEMBER-\d+|idx_projects)/i
for (const file of files) {
  readFileSync(join(source, file), 'utf8')
    .split('\n')
    .forEach((line, index) => {
      if (NAMES.test(line))
        breach(`${file}:${index + 1}`, `names somebody's application: ${line.trim().slice(0, 80)}`)
    })
}

// The agent runs in strangers' processes: it brings nothing with it.
const agent = join(root, 'packages/agent/src')
for (const file of readdirSync(agent, { recursive: true }).map(String)) {
  if (!file.endsWith('.ts') || file.includes('.test.')) continue
  for (const [, specifier] of readFileSync(join(agent, file), 'utf8').matchAll(
    /\bfrom\s+'([^']+)'/g,
  )) {
    if (!specifier.startsWith('node:') && !specifier.startsWith('.')) {
      breach(`packages/agent/src/${file}`, `imports ${specifier}: the agent has no dependencies`)
    }
  }
}
// Where tests of theirs stop the clocks, its own go on.
const NODES_CLOCKS =
  /(?<![\w.`#])(?:performance\.(?:now\(|timeOrigin|eventLoop)|(?:Date\.now|process\.hrtime)\b)|(?<![\w.`#'])((?:set|clear)(?:Timeout|Interval|Immediate))\(/g
for (const file of readdirSync(agent, { recursive: true }).map(String)) {
  if (!file.endsWith('.ts') || /\.test\.|^own-clock|^browser/.test(file)) continue
  const text = readFileSync(join(agent, file), 'utf8').replace(/^\s*(?:\*|\/\*\*|\/\/).*$/gm, '')
  const taken = /import \{([^}]+)\} from '[./]+own-clock.ts'/.exec(text)?.[1] ?? ''
  for (const [clock, timer] of text.matchAll(NODES_CLOCKS)) {
    if (timer === undefined || !taken.includes(timer)) {
      breach(`packages/agent/src/${file}`, `uses ${clock}: take it from own-clock.ts`)
    }
  }
}

for (const { where, what } of breaches) console.error(`${where} ${what}`)
console.log(
  breaches.length === 0 ? `rules kept in ${files.length} files` : `${breaches.length} breaches`,
)
process.exit(breaches.length === 0 ? 0 : 1)

function breach(where, what) {
  breaches.push({ where, what })
}

function importsOf(file) {
  const text = readFileSync(join(source, file), 'utf8')
  const found = []
  const pattern =
    /^\s*(?:import|export)\s+(type\s)?[^'"]*?from\s+['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)/gm
  for (const match of text.matchAll(pattern)) {
    const specifier = match[2] ?? match[3]
    const path = relative(source, resolve(join(source, dirname(file)), specifier))
    // An import of types only leaves nothing behind at run time, so it cannot make a cycle.
    const typeOnly = match[1] !== undefined
    found.push({ path, typeOnly, lazy: match[3] !== undefined })
  }
  return found
}

function findCycles() {
  const cycles = []
  const state = new Map()
  const visit = (file, path) => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      cycles.push([...path.slice(path.indexOf(file)), file])
      return
    }
    state.set(file, 'open')
    for (const { path: next, typeOnly, lazy } of imports.get(file) ?? []) {
      if (!typeOnly && !lazy && imports.has(next)) visit(next, [...path, file])
    }
    state.set(file, 'done')
  }
  for (const file of files) visit(file, [])
  return cycles
}
