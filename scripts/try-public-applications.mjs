// `node scripts/try-public-applications.mjs [NAME…] [--latest] [--node PATH]`: takes public Node applications as they are
// (public-applications/list.mjs), runs their own tests without and with the agent, asks those that have none the same requests both
// ways and compares the answers byte for byte, and prints what a real `perfloop serve` was told of them. Not part of `npm test`: it
// downloads from npm. What it downloaded stays in `.cache/public-applications`.
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { isSameAnswer, readAnswer } from './public-applications/answer.mjs'
import { APPLICATIONS } from './public-applications/list.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const cache = join(root, '.cache', 'public-applications')
const agent = pathToFileURL(join(root, 'packages/agent/dist/index.js')).href
const STEP_MS = 15 * 60_000
const START_MS = 60_000
const SHOWN_ROWS = 12

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    latest: { type: 'boolean', default: false },
    node: { type: 'string', default: process.execPath },
  },
})
const wanted = APPLICATIONS.filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
)
const perfloop = await startPerfloop()
let differing = 0
const totals = { tests: 0, passed: 0 }
try {
  for (const application of wanted) await tryOne(application)
} finally {
  await perfloop.stop()
}
console.log(
  `\n${totals.passed} of ${totals.tests} tests pass with the agent; ${differing} of ${wanted.length} applications differ`,
)
process.exitCode = differing === 0 ? 0 : 1

async function tryOne(application) {
  const { name } = application
  console.log(`\n== ${name}`)
  const service = `public-${name}`
  try {
    const folder = await prepare(application)
    const bare = await observe(application, folder, {})
    const measured = await observe(application, folder, {
      NODE_OPTIONS: `--import ${agent}`,
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_ENDPOINT: perfloop.otlpUrl,
      // Runners of tests end their processes at once.
      PERFLOOP_FLUSH_INTERVAL_MS: '20',
    })
    console.log(`   without  ${bare.summary}\n   with     ${measured.summary}`)
    const differences = measured.compareWith(bare)
    for (const difference of differences) console.log(`   DIFFERS  ${difference}`)
    if (differences.length > 0) differing++
    totals.tests += measured.tests
    totals.passed += measured.passed
    await tellSpans(service)
  } catch (error) {
    differing++
    console.log(`   FAILED   ${error.message}`)
  }
}

/** The folder of the application with what it depends on, got once. */
async function prepare({ name, source, build }) {
  const home = join(cache, values.latest ? `${name}-latest` : name)
  // The agent knows a package by where it is: its own tests are run where it would be installed.
  const [what, version, parameters] = source.archive ?? source.generator
  const folder = source.archive ? join(home, 'node_modules', what) : join(home, 'app')
  const done = join(home, 'prepared')
  if (existsSync(done)) return folder
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  const specification = `${what}@${values.latest ? 'latest' : version}`
  if (source.archive) {
    await must(home, ['npm', 'pack', '--silent', specification])
    const [file] = readdirSync(home).filter(entry => entry.endsWith('.tgz'))
    mkdirSync(folder, { recursive: true })
    await must(home, ['tar', 'xzf', file, '-C', folder, '--strip-components=1'])
  } else await must(home, ['npx', '--yes', specification, ...parameters])
  await must(folder, ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund'])
  if (build) await must(folder, build)
  writeFileSync(done, '')
  return folder
}

async function observe(application, folder, env) {
  const tests = application.tests && (await observeTests(application, folder, env))
  const answers = application.start && (await observeAnswers(application, folder, env))
  const seen = [tests, answers].filter(observed => observed !== undefined)
  return {
    tests: tests?.tests ?? 0,
    passed: tests?.passed ?? 0,
    seen,
    summary: seen.map(({ summary }) => summary).join('; '),
    compareWith: bare => seen.flatMap((observed, n) => observed.compareWith(bare.seen[n])),
  }
}

/** What the application's own tests say, in the Test Anything Protocol. */
async function observeTests({ tests, files }, folder, env) {
  const listed = files === undefined ? [] : filesIn(folder).filter(file => files.test(file))
  const { output } = await run(folder, [...tests, ...listed], env)
  const points = [...output.matchAll(/^ *(not )?ok \d+(?: - | )?(.*)$/gm)]
  const isLeftOut = title => /# (?:skip|todo)\b/i.test(title)
  const failed = points.filter(([, not, title]) => not && !isLeftOut(title))
  const leftOut = points.filter(([, , title]) => isLeftOut(title)).length
  const failures = new Set(failed.map(([, , title]) => title.trim()))
  const passed = points.length - failed.length - leftOut
  if (points.length === 0) throw new Error(`no test ran:\n${output.slice(-2_000)}`)
  return {
    tests: passed + failed.length,
    passed,
    summary: `${passed} passed, ${failed.length} failed, ${leftOut} left out`,
    compareWith(bare) {
      const differences = [
        ...[...failures].filter(title => !bare.failures.has(title)).map(title => `fails: ${title}`),
        ...[...bare.failures]
          .filter(title => !failures.has(title))
          .map(title => `fails only without the agent: ${title}`),
      ]
      return differences.length === 0 && passed !== bare.passed
        ? [`${passed} pass instead of ${bare.passed}`]
        : differences
    },
    failures,
  }
}

/** Its answers to the same requests, in order; what its first page refers to is asked for as well. */
async function observeAnswers({ start, paths }, folder, env) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const command = start.map(word => (word === 'PORT' ? String(port) : word))
  const child = spawnIn(folder, command, { PORT: String(port), ...env })
  try {
    await untilAnswered(url, child)
    const answers = new Map()
    const ask = async (path, headers, method) =>
      answers.set(
        `${method ?? 'GET'} ${path} ${JSON.stringify(headers ?? {})}`,
        await readAnswer(url + path, { headers, method }),
      )
    const first = await readAnswer(url + paths[0])
    const referred = [
      ...new Set(
        [...first.body.toString().matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path),
      ),
    ]
    for (const path of [...paths, ...referred]) {
      await ask(path)
      await ask(path, { 'accept-encoding': 'gzip' })
      await ask(path, undefined, 'HEAD')
    }
    const tag = first.headers.find(([key]) => key.toLowerCase() === 'etag')?.[1]
    if (tag !== undefined) await ask(paths[0], { 'if-none-match': tag })
    await ask(paths[0], { rsc: '1' })
    await ask(paths[0], { 'sec-fetch-dest': 'document' })
    await ask(paths[0], undefined, 'POST')
    return {
      answers,
      summary: `${answers.size} answers, ${[...answers.values()].reduce((sum, { body }) => sum + body.length, 0)} bytes`,
      compareWith: bare =>
        [...answers]
          .filter(([what, answer]) => !isSameAnswer(answer, bare.answers.get(what)))
          .map(([what]) => what),
    }
  } finally {
    await end(child)
  }
}

async function untilAnswered(url, child) {
  const until = Date.now() + START_MS
  while (Date.now() < until && child.exitCode === null) {
    const answer = await fetch(url).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer !== undefined) return
    await pause(100)
  }
  throw new Error('the application does not answer')
}

/** What came, as Perfloop has it. */
async function tellSpans(service) {
  await pause(2_000)
  const operations = await perfloop.get(`/measure/operations?service=${service}&per_page=100`)
  const statements = await perfloop.get(`/measure/statements?service=${service}&per_page=100`)
  const told = [
    ...operations.map(({ kind, operation, red }) => `${red.calls} × ${kind} ${operation}`),
    ...statements.map(({ text, red }) => `${red.calls} × ${text}`),
  ]
  for (const line of told.slice(0, SHOWN_ROWS)) console.log(`   seen     ${line}`)
  if (told.length > SHOWN_ROWS) console.log(`            and ${told.length - SHOWN_ROWS} more`)
  if (told.length === 0) console.log('   seen     nothing')
}

async function startPerfloop() {
  const data = mkdtempSync(join(tmpdir(), 'perfloop-public-'))
  const child = spawnIn(root, [
    process.execPath,
    'packages/perfloop/bin/perfloop.js',
    ...`serve --data ${data} --port 0 --otlp-http 0 --otlp-grpc 0`.split(' '),
  ])
  const found = pattern => child.output().match(pattern)?.[1]
  let url
  let otlpUrl
  while (url === undefined || otlpUrl === undefined) {
    if (child.exitCode !== null) throw new Error(child.output())
    await pause(50)
    url = found(/(http:\/\/127\.0\.0\.1:\d+)\/?(?:#|\s)/)
    otlpUrl = found(/OTLP\/HTTP\s+(http:\/\/127\.0\.0\.1:\d+)/)
  }
  const authorization = `Bearer ${readFileSync(join(data, 'admin-token'), 'utf8').trim()}`
  return {
    otlpUrl,
    async get(path) {
      const response = await fetch(`${url}/api/v1${path}`, { headers: { authorization } })
      return (await response.json()).data ?? []
    },
    async stop() {
      await end(child)
      rmSync(data, { recursive: true, force: true })
    },
  }
}

async function must(folder, command) {
  const { code, output } = await run(folder, command, {})
  if (code !== 0) throw new Error(`${command.join(' ')}:\n${output.slice(-2_000)}`)
}

async function run(folder, command, env) {
  const child = spawnIn(folder, command, env)
  const patience = setTimeout(() => child.kill('SIGKILL'), STEP_MS)
  const code = await new Promise(resolve => child.on('close', resolve))
  clearTimeout(patience)
  return { code, output: child.output() }
}

/** With the wanted Node first in the path, and no agent but the one that `env` names. */
function spawnIn(folder, [program, ...parameters], env = {}) {
  const nodeFolder = dirname(values.node)
  const child = spawn(program, parameters, {
    cwd: folder,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      PATH: `${nodeFolder}${delimiter}${process.env.PATH}`,
      NEXT_TELEMETRY_DISABLED: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', chunk => {
      output += chunk
    })
  }
  child.on('error', error => {
    output += error.message
  })
  return Object.assign(child, { output: () => output })
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .filter(file => !file.split(sep).includes('node_modules'))
    .sort()
}

function freePort() {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function pause(ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}
