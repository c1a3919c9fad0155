import { z } from 'zod'

const instant = () => z.iso.datetime()

export const Target = z.object({
  id: z.string(),
  kind: z.string().describe('postgres or sqlite'),
  name: z.string(),
  environment: z.string(),
  services: z
    .array(z.string())
    .describe('Services whose statements run here; empty: all of the environment'),
  options: z
    .record(z.string(), z.unknown())
    .describe('Connection options, secrets replaced by ***'),
  status: z.enum(['unknown', 'ok', 'degraded', 'unreachable']),
  version: z.string().nullable(),
  notes: z.array(z.string()),
  can_change: z.boolean(),
  collected_at: instant().nullable(),
  facts: z.object({ tables: z.int(), indexes: z.int(), plans: z.int() }),
  created_at: instant(),
})
export const TargetInput = z.strictObject({
  kind: z.string(),
  name: z.string().min(1),
  environment: z.string().default('development'),
  services: z.array(z.string()).default([]),
  options: z.record(z.string(), z.unknown()),
})

export const Policy = z.object({
  kill_switch: z.boolean(),
  kill_switch_reason: z.string().nullable(),
  /** The first rule that matches decides; observe when none does. */
  rules: z.array(
    z.object({
      kind: z.string().default('*'),
      environment: z.string().default('*'),
      service: z.string().default('*'),
      mode: z.enum(['observe', 'approve', 'auto']),
    }),
  ),
})
export const KillSwitchInput = z.strictObject({
  engaged: z.boolean(),
  reason: z.string().max(2_000).optional(),
})

export const SettingView = z.object({
  key: z.string(),
  value: z.unknown(),
  source: z.enum(['default', 'file', 'environment', 'flag']),
  description: z.string(),
})

export const IngestToken = z.object({
  id: z.string(),
  name: z.string(),
  environment: z.string(),
  created_at: instant(),
  revoked_at: instant().nullable(),
})
export const IngestTokenInput = z.strictObject({
  name: z.string().min(1),
  environment: z.string().min(1),
})

export const ComponentHealth = z.object({
  component: z.string().describe('receiver, spool, store, control, analysis, optimizer, target:ID'),
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  reason: z.string().nullable(),
  numbers: z.record(z.string(), z.number()).describe('Units are in the names'),
})
export const Health = z.object({
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  version: z.string(),
  started_at: instant(),
  components: z.array(ComponentHealth),
  analyzers: z.array(
    z.object({
      kind: z.string(),
      enabled: z.boolean(),
      faults: z.int(),
      last_fault: z.string().nullable(),
    }),
  ),
})

export type Target = z.output<typeof Target>
export type TargetInput = z.output<typeof TargetInput>
export type Policy = z.output<typeof Policy>
export type IngestToken = z.output<typeof IngestToken>
export type Health = z.output<typeof Health>
export type SettingView = z.output<typeof SettingView>
export type KillSwitchInput = z.output<typeof KillSwitchInput>
export type IngestTokenInput = z.output<typeof IngestTokenInput>
export type ComponentHealth = z.output<typeof ComponentHealth>
