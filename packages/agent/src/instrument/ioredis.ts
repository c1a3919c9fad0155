import type { Agent } from '../agent.ts'
import {
  beginBatch,
  beginCommand,
  type RedisAddress,
  type RedisCall,
  recordCommand,
} from './redis-command.ts'
import { wrapMethod } from './wrap-method.ts'

/** https://github.com/redis/ioredis: what a command and a pipeline have in common. */
interface Settled {
  [SEEN]?: true
  resolve(value: unknown): void
  reject(error: unknown): void
}

interface Command extends Settled {
  readonly name: string
  readonly args: readonly unknown[]
}

interface Redis {
  readonly options?: {
    readonly host?: string
    readonly port?: number
    readonly path?: string | null
    readonly db?: number
  }
  readonly status?: string
  readonly condition?: { readonly select?: number } | null
  sendCommand(command: Command, stream?: unknown, ...more: unknown[]): unknown
}

interface Pipeline extends Settled {
  readonly redis: Redis
  readonly _queue?: readonly Command[]
  exec(...args: unknown[]): unknown
}

/** A command comes again where it had to wait for its connection, or where that was lost. */
const SEEN = Symbol('perfloop.seen')

/** Commands of `ioredis` 5 and 6, and the pipelines and transactions they are sent in. */
export function instrumentIoredis(agent: Agent, exports: object): void {
  const { prototype, Pipeline } = exports as {
    readonly prototype: Redis
    readonly Pipeline?: { readonly prototype: Pipeline }
  }
  wrapMethod(
    prototype,
    'sendCommand',
    sendCommand =>
      function (this: Redis, command, stream, ...more) {
        // With a stream it is one of a pipeline.
        if (stream === undefined && !isHandshake(this, command)) {
          observe(
            agent,
            command,
            () => this,
            () => beginCommand(command.name, command.args),
          )
        }
        return sendCommand.call(this, command, stream, ...more)
      },
  )
  if (Pipeline === undefined) return
  wrapMethod(
    Pipeline.prototype,
    'exec',
    exec =>
      function (this: Pipeline, ...args) {
        observe(
          agent,
          this,
          () => this.redis,
          () => beginPipeline(this),
        )
        return exec.apply(this, args)
      },
  )
}

/** What the client asks by itself on a new connection; servers may not know all of it. */
function isHandshake({ status }: Redis, { name }: Command): boolean {
  return status === 'connect' && HANDSHAKE.has(name)
}

const HANDSHAKE = new Set(['auth', 'client', 'hello', 'info', 'readonly', 'select'])

function beginPipeline({ _queue = [] }: Pipeline): RedisCall | undefined {
  const isTransaction = _queue[0]?.name === 'multi'
  const commands = _queue.filter(
    ({ name }) => !isTransaction || (name !== 'multi' && name !== 'exec'),
  )
  return beginBatch(
    isTransaction ? 'MULTI' : 'PIPELINE',
    commands.map(({ name, args }) => [name, args] as const),
  )
}

/** By the functions that settle its promise: the promise itself stays the application's. */
function observe(
  agent: Agent,
  settled: Settled,
  clientOf: () => Redis,
  begin: () => RedisCall | undefined,
): void {
  try {
    if (settled[SEEN]) return
    settled[SEEN] = true
    const call = begin()
    if (call === undefined) return
    const { resolve, reject } = settled
    const finish = (error: unknown) => {
      try {
        recordCommand(agent, call, addressOf(clientOf()), error)
      } catch (failure) {
        agent.report('recording a command of Redis', failure)
      }
    }
    const noteValue: typeof resolve = value => {
      finish(undefined)
      resolve.call(settled, value)
    }
    const noteError: typeof reject = error => {
      finish(error)
      reject.call(settled, error)
    }
    // By their names: see decision 0022.
    settled.resolve = noteValue
    settled.reject = noteError
  } catch (error) {
    agent.report('beginning a command of Redis', error)
  }
}

function addressOf({ options, condition }: Redis): RedisAddress {
  const isSocket = typeof options?.path === 'string'
  return {
    database: condition?.select ?? options?.db ?? 0,
    host: isSocket ? (options.path ?? undefined) : (options?.host ?? 'localhost'),
    port: isSocket ? undefined : (options?.port ?? 6379),
  }
}
