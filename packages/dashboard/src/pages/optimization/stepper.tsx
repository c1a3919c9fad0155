import type { OptimizationDetail } from '@perfloop/client'
import type { ReactElement } from 'react'
import { Icon } from '../../components/icon.tsx'
import { toWords } from '../../format/label.ts'

type Status = OptimizationDetail['status']

const STEPS: readonly Status[] = [
  'proposed',
  'approved',
  'applying',
  'applied',
  'verifying',
  'verified',
]
/** Ends that are off the straight way, and why one is there. */
const ENDS: Readonly<Partial<Record<Status, string>>> = {
  rolled_back: 'The change was taken back.',
  failed: 'The change could not be made; what was begun has been taken back.',
  dismissed: 'Somebody decided against it.',
  manual_required: 'Perfloop may not make this change itself: run the SQL below by hand.',
}
const NEXT: Readonly<Partial<Record<Status, string>>> = {
  proposed: 'Waits for your decision. Nothing has been changed.',
  approved:
    'Approved. Where the policy applies what is approved, it is made as soon as no other change is under way; else apply it now.',
  applying: 'The change is being made.',
  applied: 'Made. Traffic after it is being collected.',
  verifying: 'Before and after are compared on your own traffic. Regression undoes it by itself.',
}

/** By hand: either to make it, or, when its target was removed, to take it back. */
const LEFT_TO_YOU = 'Its target was removed: the change stays, and nobody but you can take it back.'

/** A change is kept because it helped, or because somebody wants it in spite of what was measured. */
function keptSince(verdict: string | undefined): string {
  return verdict === 'improved'
    ? 'Measured to help, and kept. It goes on being watched.'
    : 'Kept, without having been measured to help: the ledger says why. It goes on being watched.'
}

export function Stepper({ optimization }: { optimization: OptimizationDetail }): ReactElement {
  const { status, ledger, impact } = optimization
  const reached = new Set<string>([status, 'proposed', ...ledger.map(entry => entry.to)])
  const at = STEPS.indexOf(status)
  const isLeft = status === 'manual_required' && reached.has('applied')
  const end = isLeft ? LEFT_TO_YOU : ENDS[status]
  return (
    <section className="stepper-panel" aria-label="Progress">
      <ol className="stepper">
        {STEPS.map((step, index) => {
          const isDone = at === -1 ? reached.has(step) : index < at || status === 'verified'
          const state = step === status && !isDone ? 'now' : isDone ? 'done' : 'ahead'
          return (
            <li key={step} data-state={state} aria-current={step === status ? 'step' : undefined}>
              <span className="step-mark">
                {state === 'done' ? <Icon name="check" size={12} /> : index + 1}
              </span>
              {toWords(step)}
            </li>
          )
        })}
        {end !== undefined && (
          <li data-state="end" aria-current="step">
            <span className="step-mark">
              <Icon name={status === 'rolled_back' ? 'undo' : 'close'} size={12} />
            </span>
            {toWords(status)}
          </li>
        )}
      </ol>
      <p>{status === 'verified' ? keptSince(impact?.verdict) : (end ?? NEXT[status])}</p>
    </section>
  )
}
