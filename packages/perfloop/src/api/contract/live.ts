import { z } from 'zod'
import { SPAN_CATEGORIES, SPAN_KINDS } from '../../domain/span.ts'
import { Profile } from './agents.ts'
import { Health } from './config.ts'
import { Issue, Optimization } from './insights.ts'
import { Overview } from './measure.ts'
import { RuntimeInstance } from './runtime.ts'

/** A span as it arrives, before it is stored: what the live tail shows. */
export const LiveSpan = z.object({
  trace_id: z.string(),
  span_id: z.string(),
  environment: z.string(),
  service: z.string(),
  operation: z.string(),
  kind: z.enum(SPAN_KINDS),
  category: z.enum(SPAN_CATEGORIES),
  failed: z.boolean(),
  duration_ns: z.number(),
  received_unix_ms: z
    .number()
    .describe('When the receiver had the whole request, fractional milliseconds'),
})

/**
 * SSE `GET /api/v1/stream?topics=overview,issues,optimizations,profiles,health,runtime,spans`.
 * Each event has the topic as its name and one of these as its data; ids are numbered, and a
 * `Last-Event-ID` within the buffer resumes, otherwise a new snapshot is sent. `overview`, `health` and `runtime` (who
 * told of itself lately) are snapshots; `issues`, `optimizations` and `profiles` (those that somebody asked for within
 * the hour) start with a snapshot and go on with single changes;
 * `spans` are entry spans in small batches, as they arrive (add `all_spans=true` for every span).
 */
export const LiveEvent = z.discriminatedUnion('topic', [
  z.object({ topic: z.literal('overview'), overview: Overview }),
  z.object({ topic: z.literal('issues'), snapshot: z.boolean(), issues: z.array(Issue) }),
  z.object({
    topic: z.literal('optimizations'),
    snapshot: z.boolean(),
    optimizations: z.array(Optimization),
  }),
  z.object({ topic: z.literal('profiles'), snapshot: z.boolean(), profiles: z.array(Profile) }),
  z.object({ topic: z.literal('health'), health: Health }),
  z.object({ topic: z.literal('runtime'), instances: z.array(RuntimeInstance) }),
  z.object({ topic: z.literal('spans'), spans: z.array(LiveSpan), skipped: z.int() }),
])
export const LIVE_TOPICS = [
  'overview',
  'issues',
  'optimizations',
  'profiles',
  'health',
  'runtime',
  'spans',
] as const
export type LiveTopic = (typeof LIVE_TOPICS)[number]
export type LiveSpan = z.output<typeof LiveSpan>
export type LiveEvent = z.output<typeof LiveEvent>
