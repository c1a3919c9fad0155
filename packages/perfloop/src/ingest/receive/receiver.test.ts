import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { deflate, deflateRaw, gzip } from 'node:zlib'
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RowBuffer, spansBlock } from '../../../../../tests/ingest/row-buffer.ts'
import type { LiveSpan } from '../../domain/live-span.ts'
import { silentLogger } from '../../domain/logger.ts'
import { ERRORS } from '../../domain/perfloop-error.ts'
import { defaultSettings } from '../../settings/settings.ts'
import { listSegments } from '../spool/segment-name.ts'
import { readSegment } from '../spool/segment-reader.ts'
import { type SpoolDisk, spoolDisk } from '../spool/spool-disk.ts'
import type { AgentAnswer, AskAboutAgent } from './agent-door.ts'
import { type ReceiverService, startReceiverService } from './receiver-service.ts'

const compress = { gzip: promisify(gzip), deflate: promisify(deflate), raw: promisify(deflateRaw) }
const defaults = defaultSettings().ingest
const opened: ReceiverService[] = []
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'perfloop-receiver-'))
})
afterEach(async () => {
  for (const service of opened.splice(0)) await service.close()
  await rm(directory, { recursive: true, force: true })
})

interface Changes {
  readonly settings?: Partial<typeof defaults>
  readonly disk?: SpoolDisk
  readonly host?: string
  readonly allowedHosts?: readonly string[]
  /** Two receivers at the same time need two spools. */
  readonly spool?: string
  readonly onSpans?: (spans: readonly LiveSpan[]) => void
  readonly tokens?: readonly { tokenHash: string; environment: string }[]
  readonly askAboutAgent?: AskAboutAgent
}

async function start(changes: Changes = {}): Promise<ReceiverService> {
  const service = await startReceiverService({
    buffer: new RowBuffer(),
    settings: { ...defaults, otlpHttpPort: 0, otlpGrpcPort: 0, ...changes.settings },
    host: changes.host ?? '127.0.0.1',
    allowedHosts: changes.allowedHosts ?? [],
    spoolDirectory: join(directory, changes.spool ?? 'spool'),
    quarantineDirectory: join(directory, 'quarantine'),
    measurementDays: 7,
    parameterKey: 'key',
    tokens: changes.tokens,
    logger: silentLogger,
    ...(changes.disk === undefined ? {} : { disk: changes.disk }),
    ...(changes.onSpans === undefined ? {} : { onSpans: changes.onSpans }),
    ...(changes.askAboutAgent === undefined ? {} : { askAboutAgent: changes.askAboutAgent }),
  })
  opened.push(service)
  return service
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly continued: boolean
}

interface Post {
  readonly path?: string
  readonly method?: string
  readonly body?: string | Buffer
  readonly headers?: Record<string, string>
  readonly agent?: Agent
}

async function send(service: ReceiverService, post: Post = {}): Promise<Answer> {
  const outgoing = request({
    port: service.httpPort,
    host: '127.0.0.1',
    path: post.path ?? '/v1/traces',
    method: post.method ?? 'POST',
    headers: { 'content-type': 'application/json', ...post.headers },
    ...(post.agent === undefined ? {} : { agent: post.agent }),
  })
  let continued = false
  outgoing.on('continue', () => {
    continued = true
  })
  if (post.headers?.expect === undefined) outgoing.end(post.body ?? '1\n2\n')
  else {
    outgoing.flushHeaders()
    outgoing.on('continue', () => outgoing.end(post.body ?? '1\n2\n'))
  }
  const [response] = await once(outgoing, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks),
    continued,
  }
}

/** Rows that are on disk, and the batches that brought them. */
async function spooled(): Promise<{ rows: number; batches: number }> {
  const spool = join(directory, 'spool')
  let rows = 0
  let batches = 0
  for (const state of ['open', 'closed'] as const) {
    for (const segment of await listSegments(spool, state)) {
      for await (const part of readSegment(segment.path, { payloads: true })) {
        if (part.kind !== 'frame') throw new Error('a damaged frame')
        batches += part.manifest.batches.length
        for (const stream of part.manifest.streams)
          if (stream.table === 'spans') rows += stream.rows
      }
    }
  }
  return { rows, batches }
}

// The messages of OTLP and google.rpc that answers are made of, from their published definitions.
const schema = protobuf.parse(`
  syntax = "proto3";
  message PartialSuccess { int64 rejected = 1; string error_message = 2; }
  message ExportResponse { PartialSuccess partial_success = 1; }
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
`).root
function decode(message: string, bytes: Uint8Array): Record<string, unknown> {
  const type = schema.lookupType(message)
  return type.toObject(type.decode(bytes), { longs: Number, bytes: Buffer })
}

describe('OTLP/HTTP', () => {
  it('answers 200 with an empty response of the same encoding once the batch is on disk', async () => {
    const service = await start()
    const json = await send(service)
    expect(json.status).toBe(200)
    expect(json.headers['content-type']).toBe('application/json')
    expect(json.body.toString()).toBe('{}')
    expect(await spooled()).toEqual({ rows: 2, batches: 1 })

    const binary = await send(service, {
      body: '3\n',
      path: '/v1/metrics',
      headers: { 'content-type': 'application/x-protobuf' },
    })
    expect([binary.status, binary.body.length]).toEqual([200, 0])
    expect(binary.headers['content-type']).toBe('application/x-protobuf')
    expect(await spooled()).toEqual({ rows: 3, batches: 2 })
  })

  it('takes gzip, zlib and raw deflate, chunked bodies and a charset', async () => {
    const service = await start()
    for (const [encoding, method] of [
      ['gzip', 'gzip'],
      ['deflate', 'deflate'],
      ['deflate', 'raw'],
    ] as const) {
      const body = await compress[method](`${encoding.length}${method.length}\n`)
      const headers = {
        'content-encoding': encoding,
        'content-type': 'application/json; charset=utf-8',
        'transfer-encoding': 'chunked',
      }
      expect((await send(service, { body, headers })).status).toBe(200)
    }
    expect((await spooled()).rows).toBe(3)
  })

  it.each([
    ['protobuf', 'application/x-protobuf'],
    ['JSON', 'application/json'],
  ])('tells what of a half-bad batch it refused, in %s', async (name, contentType) => {
    const service = await start()
    const answer = await send(service, {
      body: '1\nbad\nbad\n',
      path: '/v1/logs',
      headers: { 'content-type': contentType },
    })
    expect(answer.status).toBe(200)
    const errorMessage = '2 of 3 lines are bad'
    if (name === 'JSON') {
      expect(JSON.parse(answer.body.toString())).toEqual({
        partialSuccess: { rejectedLogRecords: '2', errorMessage },
      })
    } else {
      expect(decode('ExportResponse', answer.body)).toEqual({
        partialSuccess: { rejected: 2, errorMessage },
      })
    }
  })

  it('answers what it cannot take with the status OTLP names and says why', async () => {
    const service = await start()
    const protobufType = { 'content-type': 'application/x-protobuf' }
    const cases: readonly [Post, number, RegExp][] = [
      [{ body: 'boom' }, 400, /not valid OTLP.*UNREADABLE; offset: 3\)/],
      [
        { body: 'not gzip', headers: { 'content-encoding': 'gzip' } },
        400,
        /incorrect header check/,
      ],
      [{ path: '/v1/profiles' }, 404, /Nothing is received.*path: \/v1\/profiles.*without a path/],
      [{ method: 'GET' }, 405, /allowed: POST.*header Allow/],
      [{ headers: { 'content-type': 'text/plain' } }, 415, /text\/plain/],
      [{ headers: { 'content-encoding': 'br' } }, 415, /br/],
      [{ body: 'defect' }, 500, /failed to answer/],
    ]
    for (const [post, status, message] of cases) {
      const answer = await send(service, post)
      expect(answer.status).toBe(status)
      const words = JSON.parse(answer.body.toString()).message
      expect(words).toMatch(message)
      const known = Object.values(ERRORS).filter(error => words.startsWith(error.message))
      expect(known.some(({ cause, cure }) => words.endsWith(`${cause} ${cure}`))).toBe(true)
    }
    const unreadable = await send(service, { body: 'boom', headers: protobufType })
    expect(decode('Status', unreadable.body)).toMatchObject({ code: 3 })
    expect((await service.statistics()).refused).toMatchObject({ OTLP_BODY_UNREADABLE: 3 })
    expect((await send(service)).status).toBe(200)
  })

  it('refuses bodies over the limit, announced, streamed or unpacked from little', async () => {
    const service = await start({ settings: { maxBodyBytes: 10_000 } })
    const long = Buffer.alloc(20_000, '1')
    expect((await send(service, { body: long })).status).toBe(413)
    const chunked = { 'transfer-encoding': 'chunked' }
    expect((await send(service, { body: long, headers: chunked })).status).toBe(413)
    const bomb = await compress.gzip(Buffer.alloc(50_000_000))
    const zipped = { 'content-encoding': 'gzip' }
    expect((await send(service, { body: bomb.subarray(0, 9_000), headers: zipped })).status).toBe(
      413,
    )
    expect((await send(service)).status).toBe(200)
  })

  it('lets a sender ask first, and refuses it before it sends', async () => {
    const service = await start({ settings: { requireTokens: true } })
    const asking = { expect: '100-continue' }
    const refused = await send(service, { headers: asking })
    expect([refused.status, refused.continued]).toEqual([401, false])

    const open = await start({ spool: 'other' })
    const taken = await send(open, { headers: asking })
    expect([taken.status, taken.continued]).toEqual([200, true])
  })

  it('keeps connections open for the next batch', async () => {
    const service = await start()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const first = await send(service, { agent, body: '1' })
    await send(service, { agent, body: '2' })
    expect(first.headers.connection).toBe('keep-alive')
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1)
    agent.destroy()
  })

  it('cuts off a sender that never finishes, and answers others meanwhile', async () => {
    const service = await start({ settings: { headersTimeoutMs: 300, requestTimeoutMs: 300 } })
    const slow = connect(service.httpPort, '127.0.0.1')
    slow.on('error', () => {})
    slow.write('POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n')
    const closed = once(slow.resume(), 'close')
    expect((await send(service)).status).toBe(200)
    await closed
    expect((await spooled()).rows).toBe(2)
  })

  it('survives a sender that goes away in the middle, and garbage', async () => {
    const service = await start()
    const leaving = connect(service.httpPort, '127.0.0.1')
    leaving.write(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n1\n',
    )
    await once(leaving, 'connect')
    leaving.destroy()
    const noise = connect(service.httpPort, '127.0.0.1')
    noise.end('\x16\x03\x01\x02garbage\r\n\r\n')
    await once(noise.resume(), 'close')
    expect((await send(service)).status).toBe(200)
    expect(await spooled()).toEqual({ rows: 2, batches: 1 })
  })

  it('takes telemetry from listed web pages only', async () => {
    const service = await start({ settings: { corsOrigins: ['https://shop.example'] } })
    const from = (origin: string, host = 'localhost') =>
      send(service, { headers: { origin, host }, body: '7' })
    expect((await from('https://evil.example')).status).toBe(403)
    expect((await from('https://shop.example', 'evil.example')).status).toBe(403)
    const allowed = await from('https://shop.example')
    expect(allowed.status).toBe(200)
    expect(allowed.headers['access-control-allow-origin']).toBe('https://shop.example')
    const preflight = await send(service, {
      method: 'OPTIONS',
      headers: { origin: 'https://shop.example', host: '[::1]:4318' },
    })
    expect(preflight.status).toBe(204)
    const page = await send(await start({ spool: 'other' }), {
      headers: { 'sec-fetch-site': 'cross-site' },
    })
    expect(page.status).toBe(403)
  })
})

describe('ingest tokens', () => {
  const tokens = [
    { tokenHash: createHash('sha256').update('s3cret').digest('hex'), environment: 'production' },
  ]

  it('are needed beyond loopback, and a wrong or revoked one is refused anywhere', async () => {
    const outside = await start({ host: '0.0.0.0', tokens })
    const withToken = (token: string) =>
      send(outside, { headers: { authorization: `Bearer ${token}` } })
    const missing = await send(outside)
    expect([missing.status, missing.headers['www-authenticate']]).toEqual([401, 'Bearer'])
    expect((await withToken('wrong')).status).toBe(401)
    expect((await withToken('s3cret')).status).toBe(200)
    outside.setTokens([])
    expect((await withToken('s3cret')).status).toBe(401)

    const here = await start({ spool: 'other', tokens: [] })
    const wrong = { headers: { authorization: 'Bearer wrong' } }
    expect((await send(here, wrong)).status).toBe(401)
    expect((await send(here)).status).toBe(200)
  })

  it('are not called wrong while nobody has said which are right', async () => {
    const service = await start()
    const withToken = { headers: { authorization: 'Bearer s3cret' } }
    expect((await send(service, withToken)).status).toBe(503)
    service.setTokens(tokens)
    expect((await send(service, withToken)).status).toBe(200)
  })

  it('fix the environment of what they bring', async () => {
    const service = await start({ tokens })
    await send(service, { headers: { authorization: 'Bearer s3cret' } })
    await service.rotate()
    const [segment] = await listSegments(join(directory, 'spool'), 'closed')
    for await (const part of readSegment(segment?.path ?? '', { payloads: true })) {
      if (part.kind === 'frame') expect(part.payload.toString('latin1')).toContain('production')
    }
  })
})

describe('acknowledging', () => {
  it('stores a batch once that is repeated byte for byte, also at the same time and after a restart', async () => {
    const service = await start()
    const answers = await Promise.all([send(service), send(service), send(service)])
    expect(answers.map(answer => answer.status)).toEqual([200, 200, 200])
    await send(service)
    expect((await service.statistics()).duplicates).toBe(3)
    await service.close()

    const restarted = await start()
    expect((await send(restarted)).status).toBe(200)
    expect(await spooled()).toEqual({ rows: 2, batches: 1 })
  })

  it('does not take a batch of another environment or signal for a repeat', async () => {
    const service = await start()
    await send(service)
    await send(service, { path: '/v1/logs' })
    expect((await spooled()).batches).toBe(2)
  })

  it('shares a commit among batches that arrive while another syncs', async () => {
    const service = await start({
      disk: {
        ...spoolDisk,
        async sync(fd) {
          await new Promise(resolve => setTimeout(resolve, 50))
          await spoolDisk.sync(fd)
        },
      },
    })
    await Promise.all(Array.from({ length: 20 }, (_, id) => send(service, { body: `${id + 1}` })))
    const statistics = await service.statistics()
    expect(statistics.batches).toBe(20)
    expect(statistics.commits).toBeLessThan(10)
    expect(statistics.acknowledgementMs.p99).toBeGreaterThanOrEqual(49)
    expect((await spooled()).rows).toBe(20)
  })

  it('refuses the whole group when the disk is full, takes the repeat when it is not, and counts it once', async () => {
    let full = false
    const disk: SpoolDisk = {
      ...spoolDisk,
      async write(fd, buffers, position) {
        await spoolDisk.write(fd, full ? buffers.slice(0, 2) : buffers, position)
        if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      },
    }
    const service = await start({ disk })
    await send(service, { body: '1' })
    full = true
    const refused = await Promise.all([send(service, { body: '2' }), send(service, { body: '3' })])
    for (const answer of refused) {
      expect(answer.status).toBe(503)
      expect(answer.headers['retry-after']).toBe('2')
      expect(JSON.parse(answer.body.toString())).toMatchObject({
        code: 14,
        message: expect.stringContaining('ENOSPC'),
        details: [{ retryDelay: '2s' }],
      })
    }
    expect(await spooled()).toEqual({ rows: 1, batches: 1 })

    full = false
    for (const body of ['2', '3', '2']) expect((await send(service, { body })).status).toBe(200)
    expect(await spooled()).toEqual({ rows: 3, batches: 3 })
  })

  it('gives rows that others refer to again after a group that was refused', async () => {
    let failures = 1
    const disk: SpoolDisk = {
      ...spoolDisk,
      async sync(fd) {
        if (failures-- > 0) throw Object.assign(new Error('i/o error'), { code: 'EIO' })
        await spoolDisk.sync(fd)
      },
    }
    const service = await start({ disk })
    expect((await send(service, { body: '1' })).status).toBe(503)
    expect((await send(service, { body: '2' })).status).toBe(200)
    await service.rotate()
    const [segment] = await listSegments(join(directory, 'spool'), 'closed')
    for await (const part of readSegment(segment?.path ?? '', { payloads: true })) {
      if (part.kind !== 'frame') throw new Error('a damaged frame')
      expect(part.manifest.streams.map(stream => stream.table)).toEqual([
        'resources',
        'resources',
        'spans',
      ])
    }
  })

  it('tells senders to retry later when the spool is full, before they have sent', async () => {
    const spool = { ...defaults.spool, maxBytes: 1, retryAfterMs: 1_500 }
    const service = await start({ settings: { spool } })
    expect((await send(service, { body: '1' })).status).toBe(200)
    const refused = await send(service, { body: '2', headers: { expect: '100-continue' } })
    expect([refused.status, refused.headers['retry-after'], refused.continued]).toEqual([
      429,
      '2',
      false,
    ])
    expect((await service.statistics()).spoolFull).toBe(true)
  })

  it('refuses more bodies at once than it may hold', async () => {
    const service = await start({ settings: { maxPendingBytes: 10 } })
    const slow = request({
      port: service.httpPort,
      host: '127.0.0.1',
      path: '/v1/traces',
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': '30' },
    })
    slow.write('1234567890\n')
    await expect
      .poll(async () => (await send(service, { body: '1' })).status, { timeout: 10_000 })
      .toBe(503)
    slow.end('1234567890123456789')
    const [response] = await once(slow, 'response')
    expect(response.statusCode).toBe(200)
    response.resume()
    await expect
      .poll(async () => (await send(service, { body: '1' })).status, { timeout: 10_000 })
      .toBe(200)
  })

  it('counts what agents have said until it is answered', async () => {
    let answer: (answer: AgentAnswer) => void = () => {}
    const answered = new Promise<AgentAnswer>(resolve => {
      answer = resolve
    })
    const service = await start({
      settings: { maxPendingBytes: 10 },
      askAboutAgent: () => answered,
    })
    const report = { path: '/agent/v1/report', body: '1234567890\n' }
    const first = send(service, report)
    await expect
      .poll(async () => (await send(service, { body: '1' })).status, { timeout: 10_000 })
      .toBe(503)
    expect((await send(service, report)).status).toBe(503)
    answer({ status: 200, headers: {}, body: '' })
    expect((await first).status).toBe(200)
    expect((await send(service, { body: '1' })).status).toBe(200)
  })

  it.each([
    ['127.0.0.1:4318', 200],
    ['localhost:4318', 200],
    ['192.168.7.9:4318', 200],
    ['perfloop:4318', 200],
    ['perfloop.tools.svc.cluster.local:4318', 200],
    ['perfloop.shop.example:4318', 200],
    ['rebound.example:4318', 403],
    ['perfloop.shop.example.evil.example', 403],
    ['perfloop:4318@rebound.example', 403],
  ])(
    'answers agents that call it %s by %s, since a page may have rebound a name',
    async (host, status) => {
      const service = await start({
        allowedHosts: ['perfloop.shop.example'],
        askAboutAgent: async () => ({ status: 200, headers: {}, body: '' }),
      })
      const asked = { path: '/agent/v1/settings', method: 'GET', body: '', headers: { host } }
      expect((await send(service, asked)).status).toBe(status)
    },
  )

  it('lets agents wait on half of the connections, and tells the others when to come back', async () => {
    const waits: string[] = []
    const service = await start({
      settings: { maxConnections: 4 },
      askAboutAgent: async ({ prefer }, signal) => {
        waits.push(prefer)
        if (prefer !== '') await once(signal, 'abort')
        return { status: 304, headers: {}, body: '' }
      },
    })
    const agent = new Agent({ keepAlive: true })
    const headers = { prefer: 'wait=25' }
    const asked = { path: '/agent/v1/settings', method: 'GET', body: '', headers, agent }
    const waiting = [send(service, asked), send(service, asked)]
    await expect.poll(() => waits.length).toBe(2)
    const third = await send(service, asked)
    expect(third.status).toBe(304)
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0)
    expect((await send(service)).status).toBe(200)
    agent.destroy()
    await Promise.allSettled(waiting)
  })

  it('answers an agent by any name when it has a token, which no page has', async () => {
    const service = await start({
      host: '0.0.0.0',
      tokens: [
        { tokenHash: createHash('sha256').update('s3cret').digest('hex'), environment: 'x' },
      ],
      askAboutAgent: async () => ({ status: 200, headers: {}, body: '' }),
    })
    const headers = { host: 'perfloop.example.com:4318', authorization: 'Bearer s3cret' }
    const asked = { path: '/agent/v1/settings', method: 'GET', body: '', headers }
    expect((await send(service, asked)).status).toBe(200)
  })

  it('stores rows of our own by the same way', async () => {
    const service = await start()
    await service.append(spansBlock([5n], [], 1_700_000_000))
    await service.append({ table: 'spans', columns: [], rows: 0, bytes: Buffer.alloc(0) })
    expect(await spooled()).toEqual({ rows: 1, batches: 0 })
  })

  it('commits and closes everything when it stops', async () => {
    const service = await start()
    const sent = send(service)
    await sent
    await service.close()
    expect(await readdir(join(directory, 'spool'))).toEqual([
      expect.stringMatching(/^\d{16}\.seg$/),
    ])
  })

  it('shows spans as they arrive, up to a rate', async () => {
    const seen: LiveSpan[] = []
    const service = await start({
      settings: { liveSpansPerSecond: 3 },
      onSpans: spans => void seen.push(...spans),
    })
    service.watch({ entriesOnly: false })
    await send(service, { body: '1\n2\n3\n4\n5' })
    expect(seen.map(span => Number.parseInt(span.spanId, 16))).toEqual([1, 2, 3])
    expect((await service.statistics()).liveSpansSkipped).toBe(2)
    service.watch(undefined)
    await send(service, { body: '9' })
    expect(seen).toHaveLength(3)
  })
})

describe('OTLP/gRPC', () => {
  const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
  const same = (bytes: Buffer) => bytes

  function call(
    service: ReceiverService,
    body: string | Buffer,
    options: { metadata?: Metadata; gzip?: boolean; method?: string } = {},
  ): Promise<Buffer> {
    const client = new Client(`127.0.0.1:${service.grpcPort}`, credentials.createInsecure(), {
      ...(options.gzip === true ? { 'grpc.default_compression_algorithm': 2 } : {}),
      'grpc.max_send_message_length': -1,
    })
    return new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest(
        options.method ?? METHOD,
        same,
        same,
        Buffer.from(body),
        options.metadata ?? new Metadata(),
        (error, answer) => (error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error)),
      )
    }).finally(() => client.close())
  }

  it('takes all three signals, plain and gzipped', async () => {
    const service = await start()
    expect(await call(service, '1')).toHaveLength(0)
    const method = (signal: string) =>
      `/opentelemetry.proto.collector.${signal.toLowerCase()}.v1.${signal}Service/Export`
    await call(service, '2', { method: method('Metrics'), gzip: true })
    await call(service, '3', { method: method('Logs') })
    expect(await spooled()).toEqual({ rows: 3, batches: 3 })
  })

  it('tells what of a half-bad batch it refused', async () => {
    const answer = await call(await start(), '1\nbad')
    expect(decode('ExportResponse', answer)).toEqual({
      partialSuccess: { rejected: 1, errorMessage: '1 of 2 lines are bad' },
    })
  })

  it('refuses with the code that OTLP names, and with RetryInfo where a repeat is welcome', async () => {
    const spool = { ...defaults.spool, maxBytes: 1, retryAfterMs: 1_500 }
    const service = await start({ settings: { spool, maxBodyBytes: 10_000 } })
    const refusal = (body: string | Buffer, metadata = new Metadata()) =>
      call(service, body, { metadata }).then(
        () => undefined,
        (error: ServiceError) => error,
      )
    expect(await refusal('boom')).toMatchObject({ code: 3, details: /not valid OTLP/ })
    expect(await refusal(Buffer.alloc(20_000, '1'))).toMatchObject({ code: 8 })
    const wrong = new Metadata()
    wrong.set('authorization', 'Bearer wrong')
    service.setTokens([])
    expect(await refusal('1', wrong)).toMatchObject({ code: 16 })

    expect(await refusal('1')).toBeUndefined()
    const full = await refusal('2')
    expect(full?.code).toBe(8)
    const status = decode(
      'Status',
      Buffer.from(full?.metadata.get('grpc-status-details-bin')[0] ?? ''),
    )
    expect(status).toMatchObject({
      code: 8,
      details: [{ typeUrl: expect.stringMatching(/RetryInfo$/) }],
    })
    const [detail] = status.details as { value: Buffer }[]
    expect(decode('RetryInfo', detail?.value ?? Buffer.alloc(0))).toEqual({
      retryDelay: { seconds: 1, nanos: 500_000_000 },
    })
  })

  /** A call whose message does not come, or whose status has come before it. */
  async function announce(service: ReceiverService, sessions: ClientHttp2Session[], most: number) {
    const statuses: unknown[] = []
    for (let session = 0; session * 64 < most; session++) {
      const connection = connectHttp2(`http://127.0.0.1:${service.grpcPort}`)
      connection.on('error', () => {})
      sessions.push(connection)
      for (let i = 0; i < 64 && session * 64 + i < most; i++) {
        const stream = connection.request({
          ':method': 'POST',
          ':path': METHOD,
          'content-type': 'application/grpc',
          te: 'trailers',
        })
        stream.on('error', () => {})
        stream.on('response', headers => statuses.push(headers['grpc-status']))
      }
      await new Promise(resolve => connection.ping(resolve))
    }
    return statuses
  }

  it('tells who may not send before a message of theirs comes, and bounds the calls under way', async () => {
    const sessions: ClientHttp2Session[] = []
    const closed = await start({ host: '0.0.0.0', tokens: [] })
    const open = await start({ spool: 'other' })
    try {
      const refused = await announce(closed, sessions, 1)
      await vi.waitFor(() => expect(refused).toEqual(['16']))
      const busy = await announce(open, sessions, 260)
      await vi.waitFor(() => expect(busy).toEqual(['14', '14', '14', '14']))
    } finally {
      for (const session of sessions) session.destroy()
    }
    await vi.waitFor(() => call(open, '1'))
  })

  it('does not unpack a bomb', async () => {
    const service = await start({ settings: { maxBodyBytes: 100_000 } })
    const bomb = Buffer.alloc(50_000_000, '1')
    await expect(call(service, bomb, { gzip: true })).rejects.toMatchObject({ code: 8 })
    expect(await call(service, '1')).toHaveLength(0)
  })

  it('says which port is taken', async () => {
    const service = await start()
    const taken = { otlpHttpPort: 0, otlpGrpcPort: service.grpcPort }
    await expect(start({ spool: 'other', settings: taken })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      details: { port: service.grpcPort, flag: '--otlp-grpc' },
    })
    const http = { otlpHttpPort: service.httpPort, otlpGrpcPort: 0 }
    await expect(start({ spool: 'other', settings: http })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      details: { port: service.httpPort, flag: '--otlp-http' },
    })
  })
})
