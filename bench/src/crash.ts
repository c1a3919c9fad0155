import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Session } from 'chdb'
import type { BenchOptions } from './main.ts'
import { seededRandom } from './seeded-random.ts'
import { type ServerUnderTest, startServerUnderTest } from './server-under-test.ts'
import { createTraffic, type Traffic } from './traffic.ts'

const KILLS = 20
const SENDERS = 3
const TRACES_PER_BODY = 30
/** A batch that is not acknowledged by then is sent again. */
const ANSWER_TIMEOUT_MS = 5_000
const REPEAT_AFTER_MS = 25
const SMALL_DISK_MB = 16
const SEQUENTIAL_BATCHES = 25

/**
 * `kill -9` at random moments, 20 times the server (receivers, loader, API) and 20 times its store process,
 * while senders repeat every batch byte for byte until it is acknowledged; and a spool on a disk that gets
 * full. Every batch is acknowledged in the end, so afterwards the store must hold each of its spans once.
 *
 * To see the syncs yourself: `strace -f -e trace=writev,pwritev,fdatasync,fsync,rename -p PID` on the server,
 * and send one batch: a pwritev of the frame, fdatasync of the segment (and, for a new segment, fsync of the
 * directory), and only then the answer.
 */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const random = seededRandom(7)
  const parent = options.directory ?? join(process.cwd(), '.cache', 'bench')
  mkdirSync(parent, { recursive: true })
  const dataDirectory = mkdtempSync(join(parent, 'crash-'))
  const start = () => startServerUnderTest({ directory: options.directory, dataDirectory })
  let server = await start()
  const senders = startSenders(() => server.otlpHttpPort)

  try {
    for (let kill = 1; kill <= KILLS; kill++) {
      // Half of them at any moment, its start included; half while it acknowledges, however slow the machine is.
      const before = senders.acknowledgedSpans()
      if (kill % 2 === 0) await untilTrue(() => senders.acknowledgedSpans() > before)
      await sleep(100 + random() * 1_500)
      await server.kill('SIGKILL')
      server = await start()
      progress(
        `server killed ${kill} of ${KILLS}, ${senders.acknowledgedSpans()} spans acknowledged`,
      )
    }
    let storeKills = 0
    while (storeKills < KILLS) {
      await sleep(100 + random() * 1_500)
      const pid = storeProcess(server.pid)
      if (pid === undefined) continue
      process.kill(pid, 'SIGKILL')
      progress(`store killed ${++storeKills} of ${KILLS}`)
    }
    const sent = await senders.stop()
    await untilSpoolIsEmpty(server)
    await server.stop()
    const stored = await storedSpans(dataDirectory)
    const disk = await fillTheDisk(parent)
    const syncs = await countSyncs(options)

    return {
      kills_of_server: KILLS,
      kills_of_store: storeKills,
      spans_acknowledged: sent.spans,
      batches_repeated: sent.repeats,
      spans_lost: sent.spans - stored.distinct,
      spans_doubled: stored.all - stored.distinct,
      rolled_up_too_few_or_many: stored.rolledUp - stored.distinct,
      quarantined: countFiles(join(dataDirectory, 'quarantine')),
      ...disk,
      ...syncs,
    }
  } finally {
    await server.kill('SIGKILL')
    rmSync(dataDirectory, { recursive: true, force: true })
  }
}

/**
 * The spool on a file system of a few megabytes that somebody else fills up: batches must be refused with a
 * status that asks for a repeat, and be taken when there is room again.
 */
async function fillTheDisk(parent: string): Promise<Readonly<Record<string, unknown>>> {
  const dataDirectory = mkdtempSync(join(parent, 'full-'))
  const spool = join(dataDirectory, 'spool')
  mkdirSync(spool)
  const mounted = spawnSync('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${SMALL_DISK_MB}m`,
    'tmpfs',
    spool,
  ])
  if (mounted.status !== 0) {
    rmSync(dataDirectory, { recursive: true, force: true })
    return { full_disk: 'not tried: mounting a small disk needs root' }
  }

  let server: ServerUnderTest | undefined
  try {
    server = await startServerUnderTest({ directory: undefined, dataDirectory })
    const { otlpHttpPort } = server
    const senders = startSenders(() => otlpHttpPort)
    await sleep(500)
    const filler = join(spool, 'filler')
    fill(filler, spool)
    await untilTrue(() => senders.refusals() >= 10)
    const refused = senders.refusals()
    rmSync(filler)
    const before = senders.acknowledgedSpans()
    await untilTrue(() => senders.acknowledgedSpans() > before)
    const sent = await senders.stop()
    await untilSpoolIsEmpty(server)
    await server.stop()
    const stored = await storedSpans(dataDirectory)
    progress(`full disk: ${refused} refusals, ${sent.spans} spans acknowledged`)
    return {
      full_disk_refusals: refused,
      full_disk_spans_acknowledged: sent.spans,
      full_disk_spans_lost: sent.spans - stored.distinct,
      full_disk_spans_doubled: stored.all - stored.distinct,
      full_disk_rolled_up_too_few_or_many: stored.rolledUp - stored.distinct,
    }
  } finally {
    await server?.kill('SIGKILL')
    spawnSync('umount', [spool])
    rmSync(dataDirectory, { recursive: true, force: true })
  }
}

/** Takes what is free, and what gets free while it writes. */
function fill(path: string, directory: string): void {
  for (let round = 0; round < 50; round++) {
    const { bavail, bsize } = statfsSync(directory)
    if (bavail === 0) return
    try {
      writeFileSync(path, Buffer.alloc(bavail * bsize), { flag: 'a' })
    } catch {
      // Somebody else took the rest: full is what was wanted.
    }
  }
}

/** Sends one batch after the other under strace, so that every acknowledgement needs a sync of its own. */
async function countSyncs(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  if (spawnSync('strace', ['-V']).status !== 0) return { syncs_seen: 'not tried: no strace here' }
  const server = await startServerUnderTest({ directory: options.directory })
  const trace = join(server.dataDirectory, 'strace.txt')
  const calls = 'trace=fdatasync,fsync,pwritev,pwrite64,writev,write,rename'
  const tracer = spawn('strace', ['-f', '-y', '-e', calls, '-o', trace, '-p', String(server.pid)], {
    stdio: 'ignore',
  })
  try {
    await untilTrue(() => existsSync(trace) && readFileSync(trace).length > 0)
    const traffic = createTraffic({ seed: 3, variety: 'typical', tracesPerBody: 2, templates: 1 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    let acknowledged = 0
    while (acknowledged < SEQUENTIAL_BATCHES) {
      const status = await post(agent, server.otlpHttpPort, traffic.next(Date.now()))
      if (status === 200) acknowledged++
    }
    agent.destroy()
    tracer.kill('SIGINT')
    await sleep(200)
    const lines = readFileSync(trace, 'utf8').split('\n')
    return {
      acknowledged_one_by_one: acknowledged,
      segment_syncs_seen: lines.filter(line => /fdatasync\(\d+<[^>]*\.open>/.test(line)).length,
      directory_syncs_seen: lines.filter(line => /fsync\(\d+<[^>]*\/spool>/.test(line)).length,
    }
  } finally {
    tracer.kill('SIGKILL')
    await server.kill('SIGKILL')
    server.removeData()
  }
}

interface Senders {
  acknowledgedSpans(): number
  refusals(): number
  /** Every batch that was begun is acknowledged when this resolves. */
  stop(): Promise<{ readonly spans: number; readonly repeats: number }>
}

function startSenders(port: () => number): Senders {
  let stopped = false
  let spans = 0
  let repeats = 0
  let refusals = 0
  const send = async (seed: number) => {
    // A traffic of its own: a body must not be renewed while it may have to be repeated.
    const traffic: Traffic = createTraffic({
      seed: 100 + seed,
      variety: 'typical',
      tracesPerBody: TRACES_PER_BODY,
      templates: 4,
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!stopped) {
      const body = Buffer.from(traffic.next(Date.now()))
      for (;;) {
        const status = await post(agent, port(), body)
        if (status === 200) break
        if (status !== 0 && status !== 429 && status !== 503) {
          throw new Error(`the receiver answered ${status}, which does not ask for a repeat`)
        }
        if (status !== 0) refusals++
        repeats++
        await sleep(REPEAT_AFTER_MS)
      }
      spans += traffic.spansPerBody
    }
    agent.destroy()
  }
  const running = Promise.all(Array.from({ length: SENDERS }, (_, seed) => send(seed)))
  return {
    acknowledgedSpans: () => spans,
    refusals: () => refusals,
    async stop() {
      stopped = true
      await running
      return { spans, repeats }
    },
  }
}

/** The status, or 0 when there was no answer: killed, refused, timed out. */
function post(agent: Agent, port: number, body: Uint8Array): Promise<number> {
  return new Promise(resolve => {
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path: '/v1/traces',
        method: 'POST',
        timeout: ANSWER_TIMEOUT_MS,
        headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length },
      },
      response => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.on('error', () => resolve(0))
        response.on('close', () => resolve(0))
      },
    )
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.on('error', () => resolve(0))
    outgoing.end(body)
  })
}

/** The child that has the engine mapped. */
function storeProcess(server: number): number | undefined {
  try {
    return readdirSync(`/proc/${server}/task`)
      .flatMap(task =>
        readFileSync(`/proc/${server}/task/${task}/children`, 'utf8').split(' ').map(Number),
      )
      .find(pid => pid > 0 && readFileSync(`/proc/${pid}/maps`, 'utf8').includes('chdb'))
  } catch {
    return undefined
  }
}

async function untilSpoolIsEmpty(server: ServerUnderTest): Promise<void> {
  const spool = join(server.dataDirectory, 'spool')
  await untilTrue(() => !readdirSync(spool).some(name => /\.(?:seg|open)$/.test(name)))
}

async function untilTrue(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; waitedMs < 120_000; waitedMs += 20) {
    if (condition()) return
    await sleep(20)
  }
  throw new Error(`waited in vain: ${condition.toString()}`)
}

/** Read with the engine itself, from the stopped server's files. */
async function storedSpans(dataDirectory: string) {
  const session = new Session(join(dataDirectory, 'telemetry'))
  try {
    const count = async (sql: string) =>
      Number((await session.queryAsync(sql, { format: 'TSV' })).text().trim())
    return {
      all: await count('SELECT count() FROM spans'),
      distinct: await count('SELECT uniqExact(trace_id, span_id) FROM spans'),
      rolledUp: await count('SELECT toUInt64(round(sum(calls))) FROM operations_minute'),
    }
  } finally {
    session.close()
  }
}

function countFiles(directory: string): number {
  return existsSync(directory) ? readdirSync(directory).length : 0
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`)
}
