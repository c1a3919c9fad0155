import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { TargetRecord } from '../store/control/control-store.ts'
import type { TelemetryEngine } from '../store/telemetry/engine.ts'
import { factsOfTarget } from '../store/telemetry/queries/facts-of-target.query.ts'
import { rollupRange } from '../store/telemetry/queries/rollup-range.ts'
import { statements } from '../store/telemetry/queries/statements.query.ts'
import { targetsWithFacts } from '../store/telemetry/queries/target-facts.query.ts'
import type { TargetFact } from '../store/telemetry/target-facts.ts'
import type { NewTarget, OptimizerOptions } from './optimizer.ts'
import type { ObservedStatement, TargetConnection, TargetKind } from './target.ts'

/** What is connected to: records with their checks, and the facts they tell. */
export class TargetRegistry {
  readonly #options: OptimizerOptions
  #hasSwept = false

  constructor(options: OptimizerOptions) {
    this.#options = options
  }

  async add(target: NewTarget, actor: string): Promise<TargetRecord> {
    const kind = this.#kind(target.kind)
    const options = kind?.options.safeParse(target.options)
    if (kind === undefined) {
      const known = this.#options.targetKinds.map(({ kind: name }) => name).join(', ')
      throw new PerfloopError('INVALID_REQUEST', { problems: [`kind: one of ${known}`] })
    }
    if (options?.success !== true) {
      const issues = options?.error.issues ?? []
      throw new PerfloopError('INVALID_REQUEST', {
        problems: issues.map(issue => `options.${issue.path.join('.')}: ${issue.message}`),
      })
    }
    const at = this.#now()
    const record: TargetRecord = {
      id: randomUUID(),
      ...target,
      options: asRecord(options.data),
      status: 'unknown',
      version: null,
      notes: [],
      canChange: false,
      collectedAt: null,
      createdAt: at,
    }
    await this.#options.control.transaction(async store => {
      const { name, environment } = record
      const taken = (await store.targets.list()).find(
        other => other.name === name && other.environment === environment,
      )
      if (taken !== undefined) {
        throw new PerfloopError('TARGET_NAME_TAKEN', { target: taken.id, name, environment })
      }
      await store.targets.insert(record)
      await store.ledger.append(entry(record.id, actor, at, null, 'added', { kind: record.kind }))
    })
    return this.check(record.id)
  }

  async remove(target: TargetRecord, actor: string): Promise<void> {
    await this.#options.control.transaction(async store => {
      await store.targets.remove(target.id)
      await store.ledger.append(entry(target.id, actor, this.#now(), 'added', 'removed', {}))
    })
    await this.#forgetFacts(target)
  }

  /** What it told is no longer true of anything: analyzers and recommendations must not find it. */
  async #forgetFacts({ environment, id }: Pick<TargetRecord, 'environment' | 'id'>): Promise<void> {
    await this.#options.engine.execute(
      `ALTER TABLE target_facts DELETE
       WHERE environment = {environment:String} AND target = {target:String} SETTINGS mutations_sync = 2`,
      { environment, target: id },
    )
  }

  /** Facts that outlived their target, since Perfloop ended between removing the one and the others. */
  async #forgetRemoved(targets: readonly TargetRecord[]): Promise<void> {
    if (this.#hasSwept) return
    this.#hasSwept = true
    const known = new Set(targets.map(({ id }) => id))
    for (const { environment, target } of await this.#options.telemetry.run(targetsWithFacts, {})) {
      if (!known.has(target)) await this.#forgetFacts({ environment, id: target })
    }
  }

  async check(id: string): Promise<TargetRecord> {
    const record = await this.require(id)
    const change = await this.#readStatus(record)
    await this.#options.control.targets.update(id, change)
    return { ...record, ...change }
  }

  find(id: string): Promise<TargetRecord | undefined> {
    return this.#options.control.targets.get(id)
  }

  async require(id: string): Promise<TargetRecord> {
    const record = await this.find(id)
    if (record === undefined) throw new PerfloopError('NOT_FOUND', { target: id })
    return record
  }

  shownOptions(target: TargetRecord): Readonly<Record<string, unknown>> {
    const kind = this.#kind(target.kind)
    const shape = kind?.options instanceof z.ZodObject ? kind.options.shape : {}
    return Object.fromEntries(
      Object.entries(target.options).map(([name, value]) => {
        const field: unknown = shape[name]
        const isSecret =
          kind === undefined || (field instanceof z.ZodType && field.meta()?.secret === true)
        return [name, isSecret ? '***' : value]
      }),
    )
  }

  /** Facts of the last collection. */
  async facts(target: TargetRecord): Promise<readonly TargetFact[]> {
    const rows = await this.#options.telemetry.run(factsOfTarget, {
      environment: target.environment,
      target: target.id,
    })
    return rows.map(({ fact }) => fact)
  }

  async collectAll(signal: AbortSignal): Promise<void> {
    const targets = await this.#options.control.targets.list()
    await this.#forgetRemoved(targets)
    for (const target of targets) {
      signal.throwIfAborted()
      try {
        await this.#collect(target, signal)
      } catch (error) {
        signal.throwIfAborted()
        if ((await this.#options.control.targets.get(target.id)) === undefined) {
          await this.#forgetFacts(target)
          continue
        }
        // One target that is away does not keep the others from being asked.
        this.#options.logger.warn({ target: target.name, error }, 'a target told nothing')
        await this.#options.control.targets.update(target.id, {
          status: 'unreachable',
          notes: [sentenceOf(error)],
        })
      }
    }
  }

  async #collect(target: TargetRecord, signal: AbortSignal): Promise<void> {
    const kind = this.#kind(target.kind)
    if (kind === undefined) return
    await using connection = await this.#connect(target)
    const status = await connection.check(signal)
    const observed = await this.#observed(target, kind)
    const { facts, skipped } = await connection.collect(observed, signal)
    await writeFacts(this.#options.engine, target, facts, this.#options.clock.nowUnixMs())
    for (const { statement, reason } of skipped) {
      this.#options.logger.debug({ target: target.name, statement, reason }, 'not explained')
    }
    await this.#options.control.targets.update(target.id, {
      status: status.canCollect ? 'ok' : 'degraded',
      version: status.version,
      canChange: status.canChange,
      notes: [...status.notes, ...skippedNotes(skipped)],
      collectedAt: this.#now(),
    })
  }

  /** Statements of the target's services, the heaviest first. */
  async #observed(target: TargetRecord, kind: TargetKind): Promise<readonly ObservedStatement[]> {
    const { observedMs, maxStatements } = this.#options.settings.optimizer.collect
    const now = this.#options.clock.nowUnixMs()
    const services = target.services.length === 0 ? [''] : target.services
    const found = new Map<string, ObservedStatement>()
    for (const service of services) {
      const rows = await this.#options.telemetry.run(statements, {
        ...rollupRange(now - observedMs, now),
        environment: target.environment,
        service,
        limit: maxStatements,
        offset: 0,
      })
      for (const row of rows) {
        if (row.text === '' || !row.dialects.some(dialect => kind.dialects.includes(dialect)))
          continue
        const known = found.get(row.statement)
        found.set(row.statement, {
          statement: row.statement,
          text: row.text,
          calls: row.calls + (known?.calls ?? 0),
          totalNs: row.duration_ns + (known?.totalNs ?? 0),
        })
      }
    }
    return [...found.values()].toSorted((a, b) => b.totalNs - a.totalNs).slice(0, maxStatements)
  }

  async #readStatus(
    record: TargetRecord,
  ): Promise<Pick<TargetRecord, 'status' | 'version' | 'notes' | 'canChange'>> {
    try {
      await using connection = await this.#connect(record)
      const { version, canCollect, canChange, notes } = await connection.check()
      return { status: canCollect ? 'ok' : 'degraded', version, canChange, notes }
    } catch (error) {
      const { version } = record
      return { status: 'unreachable', version, canChange: false, notes: [sentenceOf(error)] }
    }
  }

  async #connect(target: TargetRecord): Promise<TargetConnection> {
    const kind = this.#kind(target.kind)
    if (kind === undefined) throw new PerfloopError('NOT_FOUND', { target_kind: target.kind })
    return kind.connect(kind.options.parse(target.options), this.#options.settings.optimizer)
  }

  #kind(name: string): TargetKind | undefined {
    return this.#options.targetKinds.find(({ kind }) => kind === name)
  }

  #now(): string {
    return new Date(this.#options.clock.nowUnixMs()).toISOString()
  }
}

/** A text of SQL with its values is limited in length: facts go in by parts. */
const MAX_PART_BYTES = 60_000

async function writeFacts(
  engine: TelemetryEngine,
  target: TargetRecord,
  facts: readonly TargetFact[],
  collectedUnixMs: number,
): Promise<void> {
  let part: { fact: string; subject: string; document: string }[] = []
  let partBytes = 0
  const flush = async (): Promise<void> => {
    if (part.length === 0) return
    await engine.execute(INSERT_FACTS, {
      environment: target.environment,
      target: target.id,
      facts: part.map(({ fact }) => fact),
      subjects: part.map(({ subject }) => subject),
      documents: part.map(({ document }) => document),
      collected_unix_ms: BigInt(Math.round(collectedUnixMs)),
    })
    part = []
    partBytes = 0
  }
  for (const fact of facts) {
    const { services } = target
    const document = JSON.stringify(fact.fact === 'plan' ? { ...fact, services } : fact)
    if (partBytes + document.length > MAX_PART_BYTES) await flush()
    part.push({ fact: fact.fact, subject: fact.subject, document })
    partBytes += document.length
  }
  await flush()
}

const INSERT_FACTS = `
INSERT INTO target_facts (environment, target, fact, subject, document, collected_at)
SELECT
  {environment:String},
  {target:String},
  told.1,
  told.2,
  told.3,
  fromUnixTimestamp64Milli({collected_unix_ms:Int64})
FROM
(
  SELECT arrayJoin(arrayZip({facts:Array(String)}, {subjects:Array(String)}, {documents:Array(String)})) AS told
)`

function skippedNotes(skipped: readonly { readonly reason: string }[]): readonly string[] {
  if (skipped.length === 0) return []
  const [first] = skipped
  const count = skipped.length === 1 ? '1 statement is' : `${skipped.length} statements are`
  return [`${count} not explained; the first because ${first?.reason}.`]
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof PerfloopError)) return String(error)
  const { reason } = error.details
  return typeof reason === 'string' ? `${error.message} ${reason}` : error.message
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).parse(value)
}

function entry(
  subjectId: string,
  actor: string,
  at: string,
  from: string | null,
  to: string,
  evidence: Readonly<Record<string, unknown>>,
) {
  return { at, subjectType: 'target', subjectId, actor, from, to, reason: null, evidence } as const
}
