import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { fingerprint } from '../domain/fingerprint.ts'
import type {
  IssueRecord,
  OptimizationRecord,
  TargetRecord,
} from '../store/control/control-store.ts'
import type { TargetFact } from '../store/telemetry/target-facts.ts'
import type { IssueToSettle, OptimizationKind, Recommendation } from './optimization.ts'
import type { OptimizerOptions } from './optimizer.ts'
import type { TargetRegistry } from './target-registry.ts'

const MOST_ISSUES = 200

/** Open issues that a change could settle → proposals with their proof, one a change, never the same twice. */
export class Recommender {
  readonly #options: OptimizerOptions
  readonly #targets: TargetRegistry
  /** What was known when an issue was last tried: without anything new, the answer is the same. */
  readonly #tried = new Map<string, string>()

  constructor(options: OptimizerOptions, targets: TargetRegistry) {
    this.#options = options
    this.#targets = targets
  }

  async recommend(signal: AbortSignal): Promise<number> {
    let made = 0
    const targets = await this.#options.control.targets.list()
    for (const kind of this.#options.optimizationKinds) {
      const issues = await this.#openIssues(kind)
      if (issues.length === 0) continue
      for (const target of targets) {
        signal.throwIfAborted()
        if (!kind.targetKinds.includes(target.kind) || target.collectedAt === null) continue
        try {
          made += await this.#recommendFor(kind, target, issues, signal)
        } catch (error) {
          signal.throwIfAborted()
          this.#options.logger.warn(
            { kind: kind.kind, target: target.name, error },
            'no recommendation could be made',
          )
        }
      }
    }
    return made
  }

  async #openIssues(kind: OptimizationKind): Promise<readonly IssueRecord[]> {
    const found: IssueRecord[] = []
    for (const settled of kind.settles) {
      const { rows } = await this.#options.control.issues.list({
        kind: settled,
        statuses: ['open', 'acknowledged', 'in_progress', 'reopened'],
        limit: MOST_ISSUES,
        offset: 0,
      })
      found.push(...rows)
    }
    return found
  }

  async #recommendFor(
    kind: OptimizationKind,
    target: TargetRecord,
    issues: readonly IssueRecord[],
    signal: AbortSignal,
  ): Promise<number> {
    const facts = await this.#targets.facts(target)
    const own = issues.filter(
      issue =>
        issue.environment === target.environment &&
        (target.services.length === 0 || target.services.includes(issue.service)),
    )
    const fresh = own.filter(issue => this.#isNew(kind, target, issue, facts))
    if (fresh.length === 0) return 0

    // All of the target's issues are planned together, so that one change may settle several.
    const recommendations = await kind.plan(own.map(toSettle), {
      targetId: target.id,
      targetKind: target.kind,
      targetOptions: target.options,
      facts,
      settings: this.#options.settings.optimizer,
      scratchDirectory: join(this.#options.dataDirectory, 'scratch'),
      signal,
    })
    let made = 0
    for (const recommendation of recommendations) {
      if (await this.#propose(recommendation, target, own)) made += 1
    }
    for (const issue of own) this.#remember(kind, target, issue, facts)
    return made
  }

  #isNew(
    kind: OptimizationKind,
    target: TargetRecord,
    issue: IssueRecord,
    facts: readonly TargetFact[],
  ): boolean {
    const known = knownOf(issue, facts)
    return known !== undefined && this.#tried.get(keyOf(kind, target, issue)) !== known
  }

  #remember(
    kind: OptimizationKind,
    target: TargetRecord,
    issue: IssueRecord,
    facts: readonly TargetFact[],
  ): void {
    const known = knownOf(issue, facts)
    if (known !== undefined) this.#tried.set(keyOf(kind, target, issue), known)
  }

  async #propose(
    recommendation: Recommendation,
    target: TargetRecord,
    issues: readonly IssueRecord[],
  ): Promise<boolean> {
    const settled = issues.filter(issue => recommendation.issueIds.includes(issue.id))
    const at = new Date(this.#options.clock.nowUnixMs()).toISOString()
    const record: OptimizationRecord = {
      id: randomUUID(),
      type: recommendation.kind,
      title: recommendation.title,
      description: recommendation.description,
      status: 'proposed',
      environment: target.environment,
      service: settled[0]?.service ?? target.services[0] ?? '',
      targetId: target.id,
      change: recommendation.change,
      undo: recommendation.undo,
      risk: recommendation.risk,
      recommendation,
      expectedGain: recommendation.expectedGain,
      recoverableNsPerHour: settled.reduce((sum, issue) => sum + issue.recoverableNsPerHour, 0),
      impact: null,
      failure: null,
      issueIds: recommendation.issueIds,
      changeKey: recommendation.changeKey,
      appliedAt: null,
      createdAt: at,
      updatedAt: at,
    }
    return this.#options.control.transaction(async store => {
      // Removed while the proof was made.
      if ((await store.targets.get(target.id)) === undefined) return false
      const known = await store.optimizations.findByChangeKey(recommendation.changeKey)
      if (known !== undefined) {
        await this.#join(known, recommendation, store.optimizations)
        return false
      }
      await store.optimizations.insert(record)
      await store.ledger.append({
        at,
        subjectType: 'optimization',
        subjectId: record.id,
        actor: 'perfloop',
        from: null,
        to: 'proposed',
        reason: recommendation.title,
        evidence: { proof: recommendation.proof, issues: recommendation.issueIds },
      })
      return true
    })
  }

  /** A further issue that a change not yet made would settle is added to it, with its operation. */
  async #join(
    known: OptimizationRecord,
    recommendation: Recommendation,
    optimizations: OptimizerOptions['control']['optimizations'],
  ): Promise<void> {
    if (known.status !== 'proposed') return
    if (recommendation.issueIds.every(id => known.issueIds.includes(id))) return
    await optimizations.update(known.id, {
      issueIds: [...new Set([...known.issueIds, ...recommendation.issueIds])],
      recommendation,
    })
  }
}

function keyOf(kind: OptimizationKind, target: TargetRecord, issue: IssueRecord): string {
  return `${kind.kind} ${target.id} ${issue.id}`
}

/** The plan of an issue's statement, shortened to what tells one from another; undefined while there is none. */
function knownOf(issue: IssueRecord, facts: readonly TargetFact[]): string | undefined {
  const plan = facts.find(fact => fact.fact === 'plan' && fact.subject === issue.statement)
  if (plan?.fact !== 'plan') return undefined
  const told = JSON.stringify([plan.words, plan.candidates])
  return createHash('sha256').update(told).digest('hex')
}

function toSettle(issue: IssueRecord): IssueToSettle {
  return {
    id: issue.id,
    kind: issue.kind,
    environment: issue.environment,
    service: issue.service,
    operation: issue.operation,
    operationKind: issue.operationKind,
    recoverableNsPerHour: issue.recoverableNsPerHour,
    statement: issue.statement === null ? null : fingerprint(issue.statement),
    evidence: issue.evidence,
  }
}
