import { setTimeout as pause } from 'node:timers/promises'
import type { z } from 'zod'
import type { Logger } from '../../../domain/logger.ts'
import { PerfloopError } from '../../../domain/perfloop-error.ts'
import type { StoreSettings } from '../../../settings/store.ts'
import {
  type BoundValue,
  type ExecuteOptions,
  identifier,
  insertSettings,
  type NativeInsert,
  type QueryLimits,
  type TelemetryEngine,
} from '../engine.ts'
import { parseRows } from '../parse-rows.ts'
import { bindParameters, sqlString } from './bind-parameters.ts'
import { ChdbChild, StoreProcessDied } from './chdb-child.ts'
import { connectionArgs } from './connection-args.ts'
import { QueryBans } from './query-bans.ts'
import { SessionPool } from './session-pool.ts'

export interface ChdbEngineOptions {
  /** Folder of the engine's files. */
  readonly path: string
  readonly settings: z.output<typeof StoreSettings>
  readonly logger: Logger
  readonly renewal?: RenewalLimits
}

export interface RenewalLimits {
  /** A store that took longer to open is not renewed: whoever asks meanwhile would have to wait too long. */
  readonly longestMs: number
  /** So long after a slow opening it may be tried again: the first one after a boot reads the library from the disk. */
  readonly againAfterMs: number
}

const RENEWAL: RenewalLimits = { longestMs: 1_000, againAfterMs: 3_600_000 }

const INSERT_SESSION = 0
const EXECUTE_SESSION = 1
const FIRST_READ_SESSION = 2

const FIRST_RESTART_DELAY_MS = 50
/** After so long without a crash the next one counts as the first again. */
const STABLE_MS = 60_000
const LONGEST_RESTART_DELAY_MS = 5_000
/** How much longer than its own time limit a query may stay silent before its process counts as hung. */
const HANG_GRACE_MS = 15_000
/** How long a predecessor's dying process may hold the engine's lock. */
const LOCK_WAIT_MS = 3_000
/** What a store process may take to close while others wait for the next one. */
const RENEWAL_CLOSE_MS = 2_000
/** What it may take to close for good: whatever was not told to be done is repeated after the next start. */
const LAST_CLOSE_MS = 15_000

/**
 * ClickHouse's engine in a child process that may die at any time. It is started again, at once the first
 * time and later and later after that; reads that were running are asked once more, each alone, so that
 * the one that kills the process is found and refused; writes fail with STORE_UNREACHABLE, and whoever
 * made them repeats them under the same deduplication token.
 */
export class ChdbEngine implements TelemetryEngine {
  readonly #options: ChdbEngineOptions
  readonly #reads: SessionPool
  readonly #inserts = new SessionPool([INSERT_SESSION])
  readonly #executions = new SessionPool([EXECUTE_SESSION])
  readonly #bans: QueryBans
  #child: Promise<ChdbChild>
  #restarts = 0
  #restartsInRow = 0
  #opening = { tookMs: 0, endedAtMs: 0 }
  /** Whose end is on purpose. */
  #retired: ChdbChild | undefined
  readonly #closing = new AbortController()

  private constructor(options: ChdbEngineOptions) {
    this.#options = options
    const { readConnections, crashesBeforeBan } = options.settings
    this.#reads = new SessionPool(
      Array.from(
        { length: Math.max(1, readConnections) },
        (_, index) => FIRST_READ_SESSION + index,
      ),
    )
    this.#bans = new QueryBans(crashesBeforeBan)
    this.#child = this.#start()
  }

  static async open(options: ChdbEngineOptions): Promise<ChdbEngine> {
    const engine = new ChdbEngine(options)
    try {
      await engine.#child
    } catch (error) {
      engine.#closing.abort()
      throw error
    }
    return engine
  }

  /** The store process, for health and for tests that kill it. */
  async pid(): Promise<number | undefined> {
    const child = await this.#child.catch(() => undefined)
    return child?.pid
  }

  get restarts(): number {
    return this.#restarts
  }

  async query(
    sql: string,
    params: Readonly<Record<string, BoundValue>>,
    limits: QueryLimits = {},
  ): Promise<readonly unknown[]> {
    const { settings } = this.#options
    const maxMs = limits.maxMs ?? settings.maxQueryMs
    const bound = bindParameters(params, {
      max_result_rows: limits.maxRows ?? settings.maxResultRows,
      max_execution_time: maxMs / 1000,
      max_memory_usage: limits.maxMemoryBytes ?? settings.maxQueryMemoryBytes,
    })
    return parseRows(await this.#read(sql, bound + sql, maxMs))
  }

  async execute(
    sql: string,
    params: Readonly<Record<string, BoundValue>> = {},
    options: ExecuteOptions = {},
  ): Promise<void> {
    const bound = bindParameters(params, {
      ...insertSettings(options.deduplicationToken),
      max_memory_usage: this.#options.settings.maxQueryMemoryBytes,
    })
    await this.#write(this.#executions, bound + sql)
  }

  async insertNative(insert: NativeInsert): Promise<void> {
    const columns = insert.columns.map(identifier).join(', ')
    const bound = bindParameters({}, insertSettings(insert.deduplicationToken))
    await this.#write(
      this.#inserts,
      `${bound}INSERT INTO ${identifier(insert.table)} (${columns}) SELECT ${columns} FROM file(${sqlString(insert.file)}, 'Native')`,
    )
  }

  /**
   * A new store process in the place of this one, for a quiet hour: one that has loaded and merged keeps
   * the pages of the library and the heap that this took, 60 MB after a million spans. What is asked
   * meanwhile waits for the new one. False when now is not the
   * time: something is under way, and others would have to wait for its end too, or it opened slowly not long ago.
   */
  async renew(): Promise<boolean> {
    const { longestMs, againAfterMs } = this.#options.renewal ?? RENEWAL
    const { tookMs, endedAtMs } = this.#opening
    if (tookMs > longestMs && Date.now() < endedAtMs + againAfterMs) return false
    const merges = await this.query('SELECT 1 AS running FROM system.merges LIMIT 1', {})
    if (merges.length > 0) return false
    if (![this.#inserts, this.#executions, this.#reads].every(pool => pool.isIdle)) return false
    await this.#inserts.useAlone(() =>
      this.#executions.useAlone(() => this.#reads.useAlone(() => this.#replace())),
    )
    return true
  }

  async #replace(): Promise<void> {
    const child = await this.#child.catch(() => undefined)
    if (child === undefined || this.#closing.signal.aborted) return
    this.#retired = child
    this.#child = child.close(RENEWAL_CLOSE_MS).then(() => this.#start())
    this.#child.catch(() => this.#revive({}))
    await this.#child.catch(() => {})
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    const child = await this.#child.catch(() => undefined)
    await child?.close(LAST_CLOSE_MS)
  }

  async #read(identity: string, sql: string, maxMs: number): Promise<Uint8Array> {
    try {
      return await this.#reads.use(session => this.#attempt(identity, sql, session, maxMs))
    } catch (error) {
      if (!(error instanceof StoreProcessDied) || this.#closing.signal.aborted)
        throw unreachable(error)
    }
    try {
      return await this.#reads.useAlone(session => this.#attempt(identity, sql, session, maxMs))
    } catch (error) {
      throw this.#bans.isBanned(identity) ? banned(identity) : unreachable(error)
    }
  }

  async #attempt(
    identity: string,
    sql: string,
    session: number,
    maxMs: number,
  ): Promise<Uint8Array> {
    if (this.#bans.isBanned(identity)) throw banned(identity)
    const child = await this.#child
    const hung = maxMs === 0 ? undefined : setTimeout(() => child.kill(), maxMs + HANG_GRACE_MS)
    try {
      const bytes = await child.run(session, sql)
      this.#bans.survived(identity)
      return bytes
    } catch (error) {
      if (!(error instanceof StoreProcessDied)) this.#bans.survived(identity)
      else if (!this.#closing.signal.aborted) this.#bans.crashedDuring(identity)
      throw error
    } finally {
      clearTimeout(hung)
    }
  }

  async #write(pool: SessionPool, sql: string): Promise<void> {
    await pool.use(async session => {
      try {
        await (await this.#child).run(session, sql)
      } catch (error) {
        throw unreachable(error)
      }
    })
  }

  async #start(): Promise<ChdbChild> {
    const { path, settings, logger } = this.#options
    const sessions = FIRST_READ_SESSION + Math.max(1, settings.readConnections)
    const giveUpAtMs = Date.now() + LOCK_WAIT_MS
    for (;;) {
      const child = new ChdbChild(sessions)
      const openedAtMs = Date.now()
      try {
        await child.open({ path, sessions, connectionArgs: connectionArgs(settings) })
        const startedAtMs = Date.now()
        this.#opening = { tookMs: startedAtMs - openedAtMs, endedAtMs: startedAtMs }
        void child.exited.then(exit => {
          if (child === this.#retired) return
          if (Date.now() - startedAtMs > STABLE_MS) this.#restartsInRow = 0
          this.#revive({ ...exit, lastWords: child.lastWords })
        })
        return child
      } catch (error) {
        child.kill()
        await child.exited
        const { lastWords } = child
        const locked = /Cannot lock file/.test(lastWords)
        if (!locked || Date.now() > giveUpAtMs) {
          logger.error({ error, lastWords }, 'The store process did not start')
          throw locked
            ? new PerfloopError('DATA_DIRECTORY_IN_USE', { directory: path }, error)
            : unreachable(error)
        }
        await pause(FIRST_RESTART_DELAY_MS, undefined, { signal: this.#closing.signal })
      }
    }
  }

  #revive(end: Readonly<Record<string, unknown>>): void {
    if (this.#closing.signal.aborted) return
    this.#options.logger.error(
      { ...end, restarts: this.#restarts },
      'The store process died; starting it again',
    )
    this.#child = this.#restart()
    // Whoever asks meanwhile awaits the same promise and is told; nobody may be asking.
    this.#child.catch(() => this.#revive({}))
  }

  async #restart(): Promise<ChdbChild> {
    const delayMs =
      this.#restartsInRow === 0
        ? 0
        : FIRST_RESTART_DELAY_MS * 2 ** Math.min(this.#restartsInRow, 20)
    this.#restartsInRow += 1
    this.#restarts += 1
    await pause(Math.min(delayMs, LONGEST_RESTART_DELAY_MS), undefined, {
      signal: this.#closing.signal,
    })
    return this.#start()
  }
}

function unreachable(error: unknown): unknown {
  return error instanceof PerfloopError ? error : new PerfloopError('STORE_UNREACHABLE', {}, error)
}

function banned(sql: string): PerfloopError {
  return new PerfloopError('STORE_QUERY_BANNED', { sql })
}
