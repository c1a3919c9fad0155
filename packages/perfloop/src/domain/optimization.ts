export const OPTIMIZATION_STATUSES = [
  'proposed',
  'approved',
  'applying',
  'applied',
  'verifying',
  'verified',
  'rolled_back',
  'failed',
  'dismissed',
  'manual_required',
] as const
export type OptimizationStatus = (typeof OPTIMIZATION_STATUSES)[number]

/** Every legal step; the ledger refuses any other. */
export const OPTIMIZATION_TRANSITIONS: Readonly<
  Record<OptimizationStatus, readonly OptimizationStatus[]>
> = {
  proposed: ['approved', 'dismissed', 'manual_required'],
  approved: ['applying', 'dismissed', 'manual_required'],
  applying: ['applied', 'failed', 'rolled_back', 'manual_required'],
  applied: ['verifying', 'rolled_back', 'failed', 'manual_required'],
  verifying: ['verified', 'rolled_back', 'failed', 'manual_required'],
  verified: ['rolled_back'],
  rolled_back: ['approved'],
  failed: ['approved', 'dismissed'],
  dismissed: ['proposed'],
  manual_required: ['dismissed', 'approved'],
}

export const VERDICTS = ['improved', 'no_effect', 'regressed', 'inconclusive'] as const
export type Verdict = (typeof VERDICTS)[number]
