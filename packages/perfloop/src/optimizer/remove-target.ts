import type { OptimizationStatus } from '../domain/optimization.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { ControlStore, OptimizationRecord } from '../store/control/control-store.ts'
import type { Changes } from './changes.ts'
import type { TargetRegistry } from './target-registry.ts'

/** Somebody may still want to take these back, which needs the target. */
const MADE: readonly OptimizationStatus[] = ['applied', 'verifying', 'verified']
/** Nothing can become of these without the target. */
const NOT_MADE: readonly OptimizationStatus[] = [
  'proposed',
  'approved',
  'failed',
  'manual_required',
]
const MOST_OF_A_TARGET = 1_000

/**
 * Forgets a target, what it told, and what was proposed for it. A target that was changed is refused: without
 * it nothing can be taken back. By force the changes stay as they are, and their undo is left to a person.
 */
export async function removeTarget(
  { control, targets, changes }: TargetRemoval,
  id: string,
  actor: string,
  isForced: boolean,
): Promise<void> {
  const target = await targets.require(id)
  const { rows } = await control.optimizations.list({
    targetId: id,
    limit: MOST_OF_A_TARGET,
    offset: 0,
  })
  const applying = rows.find(({ status }) => status === 'applying')
  if (applying !== undefined) {
    throw new PerfloopError('CONFLICT', { optimization: applying.id, status: applying.status })
  }
  const made = rows.filter(({ status }) => MADE.includes(status))
  if (made.length > 0 && !isForced) {
    throw new PerfloopError('TARGET_IN_USE', {
      target: target.name,
      optimizations: made.map(({ id: optimization, title, status }) => ({
        id: optimization,
        title,
        status,
      })),
    })
  }
  for (const record of made) await leave(changes, record, actor)
  for (const record of rows.filter(({ status }) => NOT_MADE.includes(status))) {
    await changes.step(record, 'dismissed', { actor, reason: 'Its target was removed.' })
  }
  await targets.remove(target, actor)
}

export interface TargetRemoval {
  readonly control: ControlStore
  readonly targets: TargetRegistry
  readonly changes: Changes
}

/** Nobody will judge it any more, and nobody but a person can take it back. */
async function leave(changes: Changes, record: OptimizationRecord, actor: string): Promise<void> {
  const step = {
    actor,
    reason: 'Its target was removed: the change stays there, to be taken back by hand.',
    evidence: { undo: record.undo },
  }
  if (record.status === 'verified') return changes.note(record, step)
  const verifying =
    record.status === 'applied' ? await changes.step(record, 'verifying', { actor }) : record
  await changes.step(verifying, 'verified', step)
}
