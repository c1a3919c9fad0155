import { z } from 'zod'

/**
 * What agents and Perfloop say to each other under `/agent/v1` (docs/agent-protocol.md). Everything an agent sends may
 * be hostile: every text, list and number has a bound. Fields are only ever added, so unknown ones are passed over.
 */
export const AGENT_PROTOCOL = 1

const LONGEST_NAME = 255
const LONGEST_TEXT = 512
const MOST_FRAMEWORKS = 50
const MOST_KNOBS = 100
const MOST_ROUTES = 20_000
const MOST_MODELS = 5_000

/** PostgreSQL keeps neither NUL nor half a character. */
const NOT_KEPT = /\0|\p{Surrogate}/gu

const string = (least: number, most: number) =>
  z
    .string()
    .min(least)
    .max(most)
    .overwrite(sent => sent.replaceAll(NOT_KEPT, '\uFFFD'))
const name = () => string(1, LONGEST_NAME)
const text = () => string(0, LONGEST_TEXT)
const longName = () => string(1, LONGEST_TEXT)
/** As databases keep whole numbers. */
const count = () =>
  z
    .int()
    .min(0)
    .max(2 ** 31 - 1)

/** The same three that name the sender of its telemetry. */
const Identity = z.object({
  service: name(),
  /** Left out: the one of its token, else `ingest.defaultEnvironment`. */
  environment: name().optional(),
  instance: name(),
})

const KnobReport = z.object({
  name: name(),
  unit: text(),
  description: text(),
  value: z.number().min(0),
  own_value: z.number().min(0),
  minimum: z.number().min(0),
  maximum: z.number().min(0),
})

/** `POST /report`: at the start, and when a knob changed. */
export const AgentReport = Identity.extend({
  protocol: z.int().min(1),
  agent_version: text(),
  runtime: z.object({ name: text(), version: text() }),
  host: text(),
  process_id: count(),
  started_at: z.iso.datetime().refine(at => Date.parse(at) >= 0, 'before 1970'),
  frameworks: z.array(z.object({ name: text(), version: text() })).max(MOST_FRAMEWORKS),
  knobs: z.array(KnobReport).max(MOST_KNOBS),
})

/** `POST /declarations?agent=ID`: once the application stands, and when it declared more. */
export const AgentDeclarations = z.object({
  routes: z
    .array(z.object({ method: name(), route: longName(), framework: text() }))
    .max(MOST_ROUTES),
  models: z.array(z.object({ name: longName(), table: text(), mapper: text() })).max(MOST_MODELS),
  omitted: count().default(0),
})

const agent = () => z.string().regex(/^[0-9a-f]{16}$/)

export const AgentQuery = z.object({ agent: agent() })

/** `POST /profiles?…`: the bytes of a pprof, or why there are none. */
export const ProfileQuery = z.object({
  agent: agent(),
  /** Whose request it answers; without one it is of the continuous profile. */
  request: z.uuid().optional(),
  kind: z.enum(['cpu', 'heap']).default('cpu'),
  duration_ms: z.coerce.number().int().min(0).max(86_400_000).default(0),
  failure: text().optional(),
})

/** Answer of `GET /settings?agent=ID`, which waits for news (`Prefer: wait=SECONDS`, `If-None-Match`). */
export interface AgentSettingsAnswer {
  readonly protocol: typeof AGENT_PROTOCOL
  readonly watched: boolean
  readonly flush_interval_ms: number
  readonly sampling_probability: number
  readonly max_queued_bytes: number
  /** Whether reads of databases are to tell a hash of their result. */
  readonly result_hashes: boolean
  /** Without an answer for so long, knobs and sampling go back to the host's own. */
  readonly lease_ms: number
  /** Knobs that are turned; those not named are at the host's own value. */
  readonly knobs: readonly { readonly name: string; readonly value: number }[]
  /** To be taken once each. */
  readonly profiles: readonly {
    readonly id: string
    readonly kind: 'cpu' | 'heap'
    readonly duration_ms: number
  }[]
}

export type AgentReport = z.output<typeof AgentReport>
export type AgentDeclarations = z.output<typeof AgentDeclarations>
export type ProfileQuery = z.output<typeof ProfileQuery>
