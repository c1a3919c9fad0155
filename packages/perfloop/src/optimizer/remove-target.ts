import type { OptimizationStatus } from '../domain/optimization.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { OptimizationRecord, TargetRecord } from '../store/control/control-store.ts'
import type { Changes } from './changes.ts'
import type { TargetRegistry } from './target-registry.ts'

/** Somebody may still want to take these back, which needs the target. */
const MADE: readonly OptimizationStatus[] = ['applied', 'verifying', 'verified']
/** Nothing can become of these without the target. */
const NOT_MADE: readonly OptimizationStatus[] = ['proposed', 'approved', 'manual_required']

export interface TargetRemoval {
  readonly targets: TargetRegistry
  readonly changes: Changes
}

/** Throws CONFLICT while it is being changed, and TARGET_IN_USE when it was, unless it is forced. */
export async function requireRemovable(
  { targets, changes }: TargetRemoval,
  id: string,
  isForced: boolean,
): Promise<TargetRecord> {
  const target = await targets.require(id)
  const [applying] = await changes.list(['applying'], { targetId: id })
  if (applying !== undefined) {
    throw new PerfloopError('CONFLICT', { optimization: applying.id, status: applying.status })
  }
  const made = await changes.list(MADE, { targetId: id })
  if (made.length > 0 && !isForced) throw inUse(target, made)
  return target
}

/**
 * Forgets a target, what it told, and what was proposed for it. A target that was changed is refused: without
 * it nothing can be taken back. By force the changes stay as they are, and their undo is left to a person.
 */
export async function removeTarget(
  removal: TargetRemoval,
  id: string,
  actor: string,
  isForced: boolean,
): Promise<void> {
  const { targets, changes } = removal
  const target = await requireRemovable(removal, id, isForced)
  await sweepFailed(changes, target, actor, isForced)
  for (const record of await changes.list(NOT_MADE, { targetId: id })) {
    await changes.step(record, 'dismissed', { actor, reason: 'Its target was removed.' })
  }
  for (const record of await changes.list(MADE, { targetId: id })) {
    await leave(changes, record, actor)
  }
  await targets.remove(target, actor)
}

/** A change that failed may have left something behind, which only the target can tell. */
async function sweepFailed(
  changes: Changes,
  target: TargetRecord,
  actor: string,
  isForced: boolean,
): Promise<void> {
  const failed = await changes.list(['failed'], { targetId: target.id })
  const unknown = new Set<OptimizationRecord>()
  for (const record of failed) {
    await changes.sweep(record).catch(() => unknown.add(record))
  }
  if (unknown.size > 0 && !isForced) throw inUse(target, [...unknown])
  for (const record of failed) {
    const reason = unknown.has(record)
      ? 'Its target was removed: what it may have left there is to be taken back by hand.'
      : 'Its target was removed.'
    await changes.step(record, 'dismissed', { actor, reason, evidence: { undo: record.undo } })
  }
}

/** Nobody will judge it any more, and nobody but a person can take it back. */
async function leave(changes: Changes, record: OptimizationRecord, actor: string): Promise<void> {
  const step = {
    actor,
    reason: 'Its target was removed: the change stays there, to be taken back by hand.',
    evidence: { undo: record.undo },
  }
  if (record.status === 'verified') await changes.note(record, step)
  else await changes.step(record, 'manual_required', step)
}

function inUse(target: TargetRecord, records: readonly OptimizationRecord[]): PerfloopError {
  return new PerfloopError('TARGET_IN_USE', {
    target: target.name,
    optimizations: records.map(({ id, title, status }) => ({ id, title, status })),
  })
}
