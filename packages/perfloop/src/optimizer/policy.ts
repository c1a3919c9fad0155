import { z } from 'zod'
import type { OptimizerSettings } from '../settings/optimizer.ts'
import type { ControlStore } from '../store/control/control-store.ts'

export const PolicyRule = z.object({
  kind: z.string().default('*'),
  environment: z.string().default('*'),
  service: z.string().default('*'),
  mode: z.enum(['observe', 'approve', 'auto']),
})
export type PolicyRule = z.output<typeof PolicyRule>
export type PolicyMode = PolicyRule['mode']

/** What is allowed, and whether everything is stopped. Kept under the key `policy` of the control state. */
export interface Policy {
  readonly killSwitch: boolean
  readonly killSwitchReason: string | null
  readonly rules: readonly PolicyRule[]
}

const KILL_SWITCH_KEY = 'kill_switch'
const RULES_KEY = 'policy_rules'

const KillSwitch = z.object({ engaged: z.boolean(), reason: z.string().nullable() })

export async function readPolicy(
  control: ControlStore,
  settings: OptimizerSettings,
): Promise<Policy> {
  const killSwitch = KillSwitch.safeParse(await control.state.get(KILL_SWITCH_KEY))
  const rules = z.array(PolicyRule).safeParse(await control.state.get(RULES_KEY))
  return {
    killSwitch: killSwitch.success && killSwitch.data.engaged,
    killSwitchReason: killSwitch.success ? killSwitch.data.reason : null,
    rules: rules.success ? rules.data : settings.rules,
  }
}

export async function writeKillSwitch(
  control: ControlStore,
  engaged: boolean,
  reason: string | null,
  actor: string,
  at: string,
): Promise<void> {
  await control.transaction(async store => {
    await store.state.set(KILL_SWITCH_KEY, { engaged, reason })
    await store.ledger.append({
      at,
      subjectType: 'policy',
      subjectId: 'kill-switch',
      actor,
      from: engaged ? 'released' : 'engaged',
      to: engaged ? 'engaged' : 'released',
      reason,
      evidence: {},
    })
  })
}

export async function writeRules(
  control: ControlStore,
  rules: readonly PolicyRule[],
  actor: string,
  at: string,
): Promise<void> {
  await control.transaction(async store => {
    await store.state.set(RULES_KEY, rules)
    await store.ledger.append({
      at,
      subjectType: 'policy',
      subjectId: 'rules',
      actor,
      from: null,
      to: 'changed',
      reason: null,
      evidence: { rules },
    })
  })
}

/** The first rule that matches decides; without one, nothing is changed. */
export function modeOf(
  rules: readonly PolicyRule[],
  change: { readonly kind: string; readonly environment: string; readonly service: string },
): PolicyMode {
  const matches = (pattern: string, value: string): boolean => pattern === '*' || pattern === value
  const rule = rules.find(
    candidate =>
      matches(candidate.kind, change.kind) &&
      matches(candidate.environment, change.environment) &&
      matches(candidate.service, change.service),
  )
  return rule?.mode ?? 'observe'
}

/** Whether `nowUnixMs` is between the two times of day (UTC); a window may pass midnight. */
export function isInMaintenanceWindow(
  window: OptimizerSettings['maintenanceWindow'],
  nowUnixMs: number,
): boolean {
  if (window === null) return true
  const now = new Date(nowUnixMs).toISOString().slice(11, 16)
  return window.from <= window.to
    ? now >= window.from && now < window.to
    : now >= window.from || now < window.to
}
