import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

/** Built from the one line that the format was given by. */
const LINE =
  /^\[\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\] INFO - PERFORMANCE \| Route: (\S+) \| Load Time: (\d+)ms \| Queries: (\d+) \| DB Time: (\d+)ms \| Render Time: (\d+)ms \| Total: (\d+)ms$/

const ROTATING_LOG = new URL('../../packages/agent/src/log/rotating-log.ts', import.meta.url)
/** One that takes TypeScript as it is. */
const node24 = NODES.find(([version]) => version === '24')?.[1] ?? ''

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-log-'))
let postgres: EmbeddedPostgres

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
})

afterAll(async () => {
  await postgres?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

const start = (env: Record<string, string>) =>
  startWithAgent('logged.mjs', 'http://127.0.0.1:9', {
    env: { LOGGED_DATABASE: postgres.url, ...env },
  })

function linesOf(path: string): RegExpExecArray[] {
  const text = readFileSync(path, 'utf8')
  expect(text.endsWith('\n')).toBe(true)
  return text
    .trimEnd()
    .split('\n')
    .map(line => {
      const match = LINE.exec(line)
      if (match === null) throw new Error(`no line of the format: ${line}`)
      return match
    })
}

describe('the performance log', () => {
  it('has a line for each request, in the format that was given, with what it really took', async () => {
    const path = join(scratch, 'logs', 'performance.log')
    await using app = await start({ PERFLOOP_PERFORMANCE_LOG: path })
    await app.get('/projects/7?secret=1')
    await app.get('/quick')
    await app.get('/rendered')
    await app.get('/exit')
    await app.exited
    const lines = linesOf(path)
    expect(lines.map(([, route]) => route)).toEqual(['/projects/7', '/quick', '/rendered'])
    const [load = 0, queries, database = 0, render, total = 0] = (lines[0] ?? [])
      .slice(2)
      .map(Number)
    expect(queries).toBe(3)
    // Two at once take the time of one.
    expect(database).toBeGreaterThanOrEqual(295)
    expect(database).toBeLessThan(480)
    expect(render).toBe(0)
    expect(load).toBeGreaterThanOrEqual(database)
    expect(total).toBeGreaterThanOrEqual(load)
    const [, , , rendered = 0, inAll = 0] = (lines[2] ?? []).slice(2).map(Number)
    expect(rendered).toBeGreaterThanOrEqual(59)
    expect(inAll).toBeGreaterThanOrEqual(rendered)
    // As those read it who have nothing but a shell.
    const average = execFileSync(
      'sh',
      [
        '-c',
        `grep "Route: /projects" "${path}" | grep -oP 'Load Time: \\K\\d+' | awk '{sum+=$1; count++} END {print sum/count}'`,
      ],
      { encoding: 'utf8' },
    )
    expect(Number(average)).toBe(load)
  })

  it('has a line for each request, with its statements and templates, also where no trace is recorded', async () => {
    const path = join(scratch, 'unrecorded.log')
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('logged.mjs', receiver.endpoint, {
      env: {
        LOGGED_DATABASE: postgres.url,
        PERFLOOP_PERFORMANCE_LOG: path,
        OTEL_TRACES_SAMPLER: 'always_off',
      },
    })
    await app.get('/projects/7')
    await app.get('/rendered')
    await fetch(`${app.url}/quick`, {
      headers: { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00` },
    })
    await app.get('/exit')
    await app.exited
    const lines = linesOf(path)
    expect(lines.map(([, route, , queries]) => [route, queries])).toEqual([
      ['/projects/7', '3'],
      ['/rendered', '0'],
      ['/quick', '0'],
    ])
    expect(Number(lines[0]?.[4])).toBeGreaterThanOrEqual(295)
    expect(Number(lines[1]?.[5])).toBeGreaterThanOrEqual(59)
    expect(receiver.spans).toEqual([])
  })

  it('is one file of all workers of a cluster, by route when it is told so', async () => {
    const path = join(scratch, 'cluster.log')
    await using app = await start({
      PERFLOOP_PERFORMANCE_LOG: path,
      PERFLOOP_PERFORMANCE_LOG_ROUTE: 'template',
      LOGGED_WORKERS: '3',
    })
    await Promise.all(Array.from({ length: 30 }, (_, n) => app.get(`/projects/${n}`)))
    const lines = await eventually('all lines', async () => {
      const found = statSync(path, { throwIfNoEntry: false }) === undefined ? [] : linesOf(path)
      return found.length >= 30 ? found : undefined
    })
    expect(lines.map(([, route]) => route)).toEqual(
      Array.from({ length: 30 }, () => '/projects/:id'),
    )
  })

  it('is rotated while four processes write it: nothing lost, nothing torn, ten old files', async () => {
    const path = join(scratch, 'rotated.log')
    const writer = join(scratch, 'writer.mjs')
    writeFileSync(
      writer,
      `import { RotatingLog } from ${JSON.stringify(ROTATING_LOG.href)}
      const log = new RotatingLog({ path: process.argv[2], maxBytes: 100_000, kept: 10 }, { onProblem: console.error, onWritten() {} })
      for (let n = 0; n < 3_900; n += 20) {
        log.append(Array.from({ length: 20 }, (_, i) => process.argv[3] + ' ' + String(n + i).padStart(60, '.') + '\\n'))
        if (n % 400 === 0) await new Promise(resolve => setTimeout(resolve, 1))
      }`,
    )
    // One that died with the lock in its hands.
    const dead = spawn(process.execPath, ['-e', '0'])
    await new Promise(resolve => dead.on('exit', resolve))
    writeFileSync(`${path}.lock`, String(dead.pid))
    const write = (names: readonly string[]) =>
      Promise.all(
        names.map(name => {
          const child = spawn(node24, [writer, path, name], { stdio: 'inherit' })
          return new Promise(resolve => child.on('exit', resolve))
        }),
      )
    const oldestFirst = () =>
      readdirSync(scratch)
        .filter(name => /^rotated\.log(\.\d+)?$/.test(name))
        .sort((one, other) => Number(other.split('.')[2] ?? 0) - Number(one.split('.')[2] ?? 0))
    const written = () =>
      oldestFirst().flatMap(name => {
        const text = readFileSync(join(scratch, name), 'utf8')
        expect(text.length).toBeLessThanOrEqual(100_000)
        return text.trimEnd().split('\n')
      })
    const counted = (name: string) =>
      Array.from({ length: 3_900 }, (_, n) => `${name} ${String(n).padStart(60, '.')}`)

    expect(await write(['a', 'b', 'c', 'd'])).toEqual([0, 0, 0, 0])
    expect(oldestFirst()).toHaveLength(10)
    const lines = written()
    expect(lines).toHaveLength(15_600)
    for (const name of ['a', 'b', 'c', 'd']) {
      expect(lines.filter(line => line.startsWith(name))).toEqual(counted(name))
    }
    await write(['e'])
    expect(oldestFirst()).toEqual([
      ...Array.from({ length: 10 }, (_, n) => `rotated.log.${10 - n}`),
      'rotated.log',
    ])
    expect(written().filter(line => line.startsWith('e'))).toEqual(counted('e'))
    expect(readdirSync(scratch).filter(name => /lock|guard/.test(name))).toEqual([])
  })

  it('holds no half line where the disk was full, or a process was killed while it wrote', async () => {
    const folder = mkdtempSync(join(scratch, 'full-'))
    const path = join(folder, 'performance.log')
    const writer = join(folder, 'writer.mjs')
    writeFileSync(
      writer,
      `import { RotatingLog } from ${JSON.stringify(ROTATING_LOG.href)}
      const problems = []
      const log = new RotatingLog(
        { path: process.argv[2], maxBytes: 10_000_000, kept: 10 },
        { onProblem: problem => problems.push(problem), onWritten() {} },
      )
      for (let n = 0; n < 40; n++) {
        log.append(Array.from({ length: 10 }, (_, i) => String(n * 10 + i).padStart(98, '.') + '\\n'))
      }
      console.log(problems[0])
      process.exit(0)`,
    )
    writeFileSync(path, 'a whole line\nthe first half of a li')
    // In blocks of 512 bytes: the system takes a part of the write that goes beyond, as a full disk does.
    const told = execFileSync('sh', ['-c', 'ulimit -f 40; exec "$0" "$@"', node24, writer, path], {
      encoding: 'utf8',
    })
    expect(told).toContain('EFBIG')
    const lines = readFileSync(path, 'utf8').split('\n')
    expect(lines.pop()).toBe('')
    expect(lines[0]).toBe('a whole line')
    const numbers = lines.slice(1).map(line => {
      expect(line).toMatch(/^\.+\d{1,3}$/)
      return Number(/\d+$/.exec(line)?.[0])
    })
    expect(numbers).toEqual(Array.from(numbers, (_, n) => n))
    expect(numbers.length).toBeGreaterThan(150)
    expect(readdirSync(folder).filter(name => /lock|guard/.test(name))).toEqual([])
    // With room again, the next ones follow.
    execFileSync(node24, [writer, path])
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(lines.length + 401)
  })
})
