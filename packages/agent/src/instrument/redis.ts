import type { Agent } from '../agent.ts'
import { followPromise, isPromise } from './database-statement.ts'
import {
  beginBatch,
  beginCommand,
  boundToCaller,
  type RedisAddress,
  type RedisCall,
  recordCommand,
} from './redis-command.ts'
import { wrapMethod } from './wrap-method.ts'

/** https://github.com/redis/node-redis/blob/master/docs/client-configuration.md */
export interface RedisClient {
  readonly options?: {
    readonly database?: number
    readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string }
  }
  sendCommand(args: readonly unknown[], ...more: unknown[]): unknown
  _executePipeline?(commands: readonly Batched[], ...more: unknown[]): unknown
  _executeMulti?(commands: readonly Batched[], ...more: unknown[]): unknown
}

interface Batched {
  readonly args: readonly unknown[]
}

/** A promise of the client's, and what is told when it is settled. */
export function followRedis(
  agent: Agent,
  client: RedisClient,
  begin: () => RedisCall | undefined,
  issue: () => unknown,
): unknown {
  let call: RedisCall | undefined
  try {
    call = begin()
  } catch (error) {
    agent.report('beginning a command of Redis', error)
  }
  const result = issue()
  if (call === undefined || !isPromise(result)) return result
  const begun = call
  return followPromise(result, error => recordCommand(agent, begun, redisAddressOf(client), error))
}

/** Commands of `redis` 5 and 6, of clients, pools and clusters. */
export function instrumentRedis(agent: Agent, exports: object): void {
  const { prototype } = (exports as { readonly default: { readonly prototype: RedisClient } })
    .default
  wrapMethod(
    prototype,
    'sendCommand',
    sendCommand =>
      function (this: RedisClient, ...given) {
        const begin = () => {
          const [name, ...args] = given[0]
          return beginCommand(name, args)
        }
        return followRedis(agent, this, begin, () => sendCommand.apply(this, given))
      },
  )
  for (const [method, kind] of [
    ['_executePipeline', 'PIPELINE'],
    ['_executeMulti', 'MULTI'],
  ] as const) {
    if (prototype[method] === undefined) continue
    wrapMethod(
      prototype as Required<RedisClient>,
      method,
      execute =>
        function (this: RedisClient, ...given: Parameters<typeof execute>) {
          const begin = () =>
            beginBatch(
              kind,
              given[0].map(({ args: [name, ...args] }) => [name, args] as const),
            )
          return followRedis(agent, this, begin, () =>
            execute.apply(this as Required<RedisClient>, given),
          )
        },
    )
  }
}

/** A pool that is busy runs what it is asked later, when somebody else is done. */
export function instrumentRedisPool(_agent: Agent, exports: object): void {
  const { RedisClientPool } = exports as {
    readonly RedisClientPool?: { readonly prototype: { execute(run: () => unknown): unknown } }
  }
  if (RedisClientPool === undefined) return
  wrapMethod(
    RedisClientPool.prototype,
    'execute',
    execute =>
      function (this: unknown, run) {
        return execute.call(this as never, typeof run === 'function' ? boundToCaller(run) : run)
      },
  )
}

export function redisAddressOf(client: RedisClient): RedisAddress {
  try {
    const { database, socket } = client.options ?? {}
    return {
      database: database ?? 0,
      host: socket?.path ?? socket?.host ?? 'localhost',
      port: socket?.path === undefined ? (socket?.port ?? 6379) : undefined,
    }
  } catch {
    return { database: undefined, host: undefined, port: undefined }
  }
}
