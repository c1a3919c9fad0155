import type { Agent } from '../agent.ts'
import { followPromise, isPromise } from './database-statement.ts'
import { followRedis, instrumentRedis, type RedisClient, redisAddressOf } from './redis.ts'
import { beginBatch, beginCommand, type RedisCall, recordCommand } from './redis-command.ts'
import { wrapMethod } from './wrap-method.ts'

/** https://github.com/redis/node-redis/tree/redis%404.7.1/packages/client/lib */
interface Client extends RedisClient {
  commandsExecutor(...args: unknown[]): unknown
  multiExecutor(
    commands: readonly { readonly args: readonly unknown[] }[],
    selectedDatabase: unknown,
    chainId: unknown,
  ): unknown
}

type Executor = (this: RedisClient, ...args: unknown[]) => unknown

interface Commander {
  attachCommands?: Attach
}

type Attach = (options: { readonly executor?: unknown }) => unknown

interface Queue {
  addCommand(args: readonly unknown[], options: unknown): unknown
}

/** Whose command is being put into its queue: the queue itself does not know. */
let issuing: RedisClient | undefined

/** Commands of `redis` 4, which are put together by this before a client is there. */
export function instrumentRedis4Commander(_agent: Agent, exports: object): void {
  const commander = exports as Commander
  if (typeof commander.attachCommands !== 'function') return
  wrapMethod(
    commander as Required<Commander>,
    'attachCommands',
    attach =>
      function (this: unknown, options) {
        const { executor } = options
        if (typeof executor !== 'function') return attach(options)
        return attach({ ...options, executor: issuedBy(executor as Executor) })
      },
  )
}

/** Each is told where it is put into the queue of its client. What the client asks by itself is put there elsewhere. */
export function instrumentRedis4Queue(agent: Agent, exports: object): void {
  const { default: Queue } = exports as { readonly default?: { readonly prototype: Queue } }
  if (typeof Queue?.prototype?.addCommand !== 'function') return
  wrapMethod(
    Queue.prototype,
    'addCommand',
    addCommand =>
      function (this: Queue, args, options) {
        const client = issuing
        if (client === undefined) return addCommand.call(this, args, options)
        issuing = undefined
        let call: RedisCall | undefined
        try {
          const [name, ...rest] = args
          call = beginCommand(name, rest)
        } catch (error) {
          agent.report('beginning a command of Redis', error)
        }
        const result = addCommand.call(this, args, options)
        if (call === undefined || !isPromise(result)) return result
        const begun = call
        return followPromise(result, error =>
          recordCommand(agent, begun, redisAddressOf(client), error),
        )
      },
  )
}

/** The class of the clients of any version. */
export function instrumentRedisClient(agent: Agent, exports: object): void {
  const { prototype } = (exports as { readonly default: { readonly prototype: Client } }).default
  if (typeof prototype.commandsExecutor === 'function') instrumentRedis4(agent, prototype)
  else instrumentRedis(agent, exports)
}

/** Others are made of it, with modules and scripts. */
function instrumentRedis4(agent: Agent, client: Client): void {
  wrapMethod(client, 'sendCommand', issuedBy as never)
  wrapMethod(client, 'commandsExecutor', issuedBy as never)
  wrapMethod(
    client,
    'multiExecutor',
    multiExecutor =>
      function (this: Client, commands, selectedDatabase, chainId) {
        const begin = () =>
          beginBatch(
            chainId === undefined ? 'PIPELINE' : 'MULTI',
            commands.map(({ args: [name, ...args] }) => [name, args] as const),
          )
        return followRedis(agent, this, begin, () =>
          multiExecutor.call(this, commands, selectedDatabase, chainId),
        )
      },
  )
}

/** A command is put into its queue before the function that issues it has returned. */
function issuedBy(execute: Executor): Executor {
  return function (...args) {
    const outer = issuing
    issuing = this
    try {
      return execute.apply(this, args)
    } finally {
      issuing = outer
    }
  }
}
