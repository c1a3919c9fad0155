import { z } from 'zod'
import { count, durationMs, port, ratio, section, sizeBytes } from './section.ts'

/** What came in is found by when it happened, and so no setting may let it come in much earlier than that. */
export const LONGEST_FUTURE_MS = 3_600_000

export const IngestSettings = section({
  otlpHttpPort: port().default(4318).describe('Port of OTLP/HTTP.'),
  otlpGrpcPort: port().default(4317).describe('Port of OTLP/gRPC.'),
  requireTokens: z
    .boolean()
    .nullable()
    .default(null)
    .describe('Whether senders need an ingest token. null: only when listening beyond loopback.'),
  defaultEnvironment: z
    .string()
    .default('development')
    .describe('Environment of telemetry that carries no deployment.environment.name.'),
  maxBodyBytes: sizeBytes()
    .default(16 * 1024 * 1024)
    .describe('Largest body of one export request, after decompression.'),
  maxPendingBytes: sizeBytes()
    .default(64 * 1024 * 1024)
    .describe('Bodies in flight together; beyond, senders are told to retry.'),
  agentMaxBodyBytes: sizeBytes()
    .default(8 * 1024 * 1024)
    .describe('Largest report, list of declarations or profile of one agent, after decompression.'),
  maxConnections: count()
    .default(4_000)
    .describe(
      'Most open connections of OTLP/HTTP. Agents that wait for news hold one each, half of them at most; the others ask every `ingest.agentReturnMs`.',
    ),
  agentReturnMs: durationMs()
    .default(20_000)
    .describe(
      'When an agent that could not wait for news is told to ask again: well within `agents.leaseMs`.',
    ),
  headersTimeoutMs: durationMs()
    .default(10_000)
    .describe('A sender that takes longer for its request headers is cut off.'),
  requestTimeoutMs: durationMs()
    .default(30_000)
    .describe('A sender that takes longer for one request is cut off.'),
  keepAliveTimeoutMs: durationMs()
    .default(65_000)
    .describe('How long an idle connection of OTLP/HTTP stays open.'),
  corsOrigins: z
    .array(z.string())
    .default([])
    .describe(
      'Origins whose web pages may send telemetry from the browser, such as https://shop.example. Empty: none.',
    ),
  rememberedBatches: count()
    .default(65_536)
    .describe('Newest batches that are recognized when a sender repeats them.'),
  liveSpansPerSecond: count()
    .default(2_000)
    .describe('Most spans a second that the live tail is given; the rest is only counted.'),
  maxSpansPerRequest: count()
    .default(50_000)
    .describe('Most spans (or points, or log records) in one request.'),
  maxAttributesPerSpan: count()
    .default(128)
    .describe('Attributes beyond this number are dropped and counted.'),
  maxAttributeValueBytes: sizeBytes().default(16_384).describe('Longer attribute values are cut.'),
  maxEventsPerSpan: count()
    .default(128)
    .describe('Events (and links) beyond this number are dropped and counted.'),
  maxNestingDepth: count().default(16).describe('Deepest nesting of attribute values.'),
  maxPastMs: durationMs()
    .default(7 * 24 * 3_600_000)
    .describe('Older event times are refused and counted.'),
  maxFutureMs: durationMs()
    .max(LONGEST_FUTURE_MS)
    .default(5 * 60_000)
    .describe('Event times further ahead are refused and counted.'),
  maxServices: count().default(1_000).describe('Services beyond are counted as _other.'),
  maxOperationsPerService: count()
    .default(2_000)
    .describe('Operations beyond are counted as _other.'),
  maxPathOperationsRatio: ratio()
    .default(0.25)
    .describe(
      'Share of those that may be named by callers: by paths, in a service which tells its routes, and by GraphQL. Routes always find room.',
    ),
  maxStatementsPerService: count()
    .default(20_000)
    .describe('Statement patterns beyond are counted as _other.'),
  patternCompression: z
    .boolean()
    .default(true)
    .describe(
      'Store what spans of one shape have in common once. Off: every span carries all of its attributes.',
    ),
  commitIntervalMs: durationMs()
    .default(10)
    .describe(
      'Longest wait for other batches before a group of batches is synced and acknowledged.',
    ),
  spool: section({
    maxBytes: sizeBytes()
      .default(4 * 1024 ** 3)
      .describe('The spool’s limit; beyond, senders are told to retry later.'),
    segmentMaxRows: count()
      .default(100_000)
      .describe('A segment with so many rows is closed and loaded.'),
    segmentMaxAgeMs: durationMs()
      .default(1_000)
      .describe('A segment this old is closed and loaded.'),
    busyRows: count()
      .default(10_000)
      .describe('A segment with so many rows at that age may wait for more: see busyMaxAgeMs.'),
    busyMaxAgeMs: durationMs()
      .default(3_000)
      .describe(
        'The age at which a busy segment is closed: few large inserts cost the store half of many small ones.',
      ),
    ownRowsMaxAgeMs: durationMs()
      .default(30_000)
      .describe(
        'How long rows of our own (resource usage) may wait for telemetry to be loaded with, so that an idle store rests.',
      ),
    retryAfterMs: durationMs().default(2_000).describe('What a refused sender is told to wait.'),
  }),
})
