import type { Session } from 'chdb'
import type { ChdbAnswer, ChdbRequest } from './chdb-message.ts'

/**
 * The inside of the store process: it holds the sessions and runs what it is told on the session it is
 * told. Which query goes where, and what to do when this process dies, is decided in the parent.
 */
export class ChdbHost {
  #sessions: Session[] = []
  #openSession: (() => Session) | undefined

  async answer(request: ChdbRequest): Promise<ChdbAnswer> {
    try {
      return { kind: 'done', id: request.id, bytes: await this.#run(request) }
    } catch (error) {
      return failure(request.id, error)
    }
  }

  async #run(request: ChdbRequest): Promise<Uint8Array> {
    switch (request.kind) {
      case 'open': {
        const { Session } = await import('chdb')
        const options = { connectionArgs: [...request.connectionArgs] }
        const openSession = () => new Session(request.path, options)
        this.#openSession = openSession
        this.#sessions = Array.from({ length: request.sessions }, openSession)
        return NOTHING
      }
      case 'run': {
        const session = this.#sessions[request.session]
        if (session === undefined) throw new Error(`No session ${request.session}`)
        try {
          const result = await session.queryAsync(request.sql, { format: 'JSONEachRow' })
          return result.bytes()
        } catch (error) {
          this.#renew(request.session)
          throw error
        }
      }
      case 'close': {
        for (const session of this.#sessions) session.close()
        this.#sessions = []
        return NOTHING
      }
    }
  }

  /**
   * A query that failed half-way leaves the rows it had written in its session, where they would come out
   * before those of the next query.
   */
  #renew(index: number): void {
    if (this.#openSession === undefined) return
    const renewed = this.#openSession()
    this.#sessions[index]?.close()
    this.#sessions[index] = renewed
  }
}

const NOTHING = new Uint8Array(0)

function failure(id: number, error: unknown): ChdbAnswer {
  const { message, code, clickhouseCode } = Object(error)
  return {
    kind: 'failed',
    id,
    message: String(message),
    clickhouseCode: typeof clickhouseCode === 'number' ? clickhouseCode : undefined,
    missing: MISSING.has(code),
  }
}

const MISSING: ReadonlySet<unknown> = new Set([
  'ERR_MODULE_NOT_FOUND',
  'MODULE_NOT_FOUND',
  'CHDB_PLATFORM',
  'CHDB_ABI',
])
