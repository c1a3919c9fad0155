import { z } from 'zod'
import { PageParams, RangeParams, ScopeParams } from './envelope.ts'

const instant = () => z.iso.datetime()

export const KnobTurned = z.object({
  environment: z.string(),
  service: z.string(),
  name: z.string(),
  value: z.number(),
  actor: z.string(),
  reason: z.string().nullable(),
  set_at: instant(),
  expires_at: instant(),
})

export const Knob = z.object({
  name: z.string(),
  unit: z.string(),
  description: z.string(),
  value: z.number().describe('As the agent told it last'),
  own_value: z.number().describe('What it was before anybody turned it'),
  minimum: z.number(),
  maximum: z.number(),
  whole: z.boolean().describe('Only whole numbers are taken'),
  turned: KnobTurned.nullable(),
})

export const Agent = z.object({
  id: z.string(),
  environment: z.string(),
  service: z.string(),
  instance: z.string(),
  connected: z.boolean(),
  agent_version: z.string(),
  runtime: z.string(),
  runtime_version: z.string(),
  host: z.string(),
  process_id: z.int(),
  frameworks: z.array(z.object({ name: z.string(), version: z.string() })),
  knobs: z.array(Knob),
  started_at: instant(),
  first_seen: instant(),
  last_seen: instant(),
})

export const AgentListParams = z.object({
  environment: z.string().optional(),
  service: z.string().optional(),
  ...PageParams.shape,
})

const KnobKey = {
  environment: z.string().min(1),
  service: z.string().min(1),
  name: z.string().min(1),
}
export const KnobInput = z.strictObject({
  ...KnobKey,
  value: z.number().min(0),
  for_ms: z
    .int()
    .min(1_000)
    .default(3_600_000)
    .describe('It is put back by itself after so long, and when Perfloop is gone'),
  reason: z.string().max(2_000).optional(),
})
export const KnobBack = z.strictObject({ ...KnobKey, reason: z.string().max(2_000).optional() })

export const Profile = z.object({
  id: z.string(),
  agent: z.string(),
  environment: z.string(),
  service: z.string(),
  instance: z.string(),
  kind: z.enum(['cpu', 'heap']),
  origin: z.enum(['request', 'continuous']),
  status: z.enum(['requested', 'running', 'finished', 'failed']),
  duration_ms: z.int(),
  actor: z.string().nullable(),
  requested_at: instant(),
  started_at: instant().nullable(),
  finished_at: instant().nullable(),
  failure: z.string().nullable(),
  size_bytes: z.int(),
})
export const ProfileInput = z.strictObject({
  agent: z.string(),
  kind: z.enum(['cpu', 'heap']).default('cpu'),
  duration_ms: z.int().min(100).default(10_000),
})
export const ProfileListParams = z.object({
  environment: z.string().optional(),
  service: z.string().optional(),
  agent: z.string().optional(),
  kind: z.enum(['cpu', 'heap']).optional(),
  origin: z.enum(['request', 'continuous']).optional(),
  ...PageParams.shape,
})

export interface FlameFrame {
  name: string
  file: string
  line: number
  self: number
  total: number
  children: FlameFrame[]
}
export const FlameFrame: z.ZodType<FlameFrame> = z
  .object({
    name: z.string(),
    file: z.string(),
    line: z.number(),
    self: z.number().describe('Of its own code, in `unit`'),
    total: z.number().describe('With everything it called'),
    get children() {
      return z.array(FlameFrame)
    },
  })
  .meta({ id: 'FlameFrame' })

export const HotFunction = z.object({
  name: z.string(),
  file: z.string(),
  line: z.number(),
  self: z.number(),
  total: z.number(),
})

export const FlameGraph = z.object({
  type: z.string().describe('What is counted, such as cpu or space'),
  unit: z.string().describe('nanoseconds, bytes or count'),
  root: FlameFrame,
  functions: z.array(HotFunction).describe('The most of its own first'),
  frames: z.int(),
  hidden: z.int().describe('Frames too small to be shown'),
})

export const ProfileDetail = Profile.extend({
  graph: FlameGraph.nullable().describe('Null until it is finished'),
})

export const HotCode = z.object({
  environment: z.string(),
  service: z.string(),
  profiles: z.int().describe('Parts of the continuous profile that are added up'),
  duration_ms: z.int().describe('Of these together'),
  graph: FlameGraph.nullable().describe('Null where there is none in the range'),
})
export const HotCodeParams = RangeParams.extend({ environment: z.string(), service: z.string() })

export const CoverageCount = z.object({
  declared: z.int(),
  seen: z.int().describe('Of the declared ones'),
  undeclared: z.int().describe('Seen, but not among the declared ones'),
  percent: z.number().nullable().describe('Null where nothing is declared'),
})
export const ServiceCoverage = z.object({
  environment: z.string(),
  service: z.string(),
  routes: CoverageCount,
  models: CoverageCount,
  omitted: z.int().describe('Declared beyond what the agent may tell'),
  declared_at: instant(),
})
export const CoverageDetail = ServiceCoverage.extend({
  route_list: z.array(
    z.object({
      method: z.string(),
      route: z.string(),
      framework: z.string().nullable().describe('Null: seen, not declared'),
      calls: z.number(),
      errors: z.number(),
      last_seen: instant().nullable().describe('Null: never in the range'),
    }),
  ),
  model_list: z.array(
    z.object({
      name: z.string(),
      table: z.string(),
      mapper: z.string().nullable().describe('Null: seen, not declared'),
      reads: z.number(),
      writes: z.number(),
    }),
  ),
})
export const CoverageParams = ScopeParams
export const ServiceCoverageParams = ScopeParams.extend({
  environment: z.string(),
  service: z.string(),
})

export type Agent = z.output<typeof Agent>
export type AgentListParams = z.output<typeof AgentListParams>
export type CoverageDetail = z.output<typeof CoverageDetail>
export type Knob = z.output<typeof Knob>
export type KnobBack = z.output<typeof KnobBack>
export type KnobInput = z.output<typeof KnobInput>
export type KnobTurned = z.output<typeof KnobTurned>
export type FlameGraph = z.output<typeof FlameGraph>
export type HotCode = z.output<typeof HotCode>
export type HotCodeParams = z.output<typeof HotCodeParams>
export type HotFunction = z.output<typeof HotFunction>
export type Profile = z.output<typeof Profile>
export type ProfileDetail = z.output<typeof ProfileDetail>
export type ProfileInput = z.output<typeof ProfileInput>
export type ProfileListParams = z.output<typeof ProfileListParams>
export type ServiceCoverage = z.output<typeof ServiceCoverage>
export type ServiceCoverageParams = z.output<typeof ServiceCoverageParams>
