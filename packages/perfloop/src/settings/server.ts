import { z } from 'zod'
import { count, durationMs, port, ratio, section, sizeBytes } from './section.ts'

export const ServerSettings = section({
  host: z.string().default('127.0.0.1').describe('Address to listen on, for the API and for OTLP.'),
  port: port().default(4600).describe('Port of the API and the dashboard.'),
  allowedHosts: z
    .array(z.string())
    .default([])
    .describe(
      'Further host names by which browsers may reach Perfloop, and agents without a token; loopback names always may.',
    ),
  requireTokenForReads: z
    .boolean()
    .nullable()
    .default(null)
    .describe('Whether reads need a token too. null: only when listening beyond loopback.'),
  failedTokensPerMinute: count()
    .default(10)
    .describe('Wrong tokens from one address in a minute; beyond, it is told to wait.'),
  sessionMs: durationMs()
    .default(7 * 24 * 3_600_000)
    .describe('How long a browser stays signed in.'),
  answerFreshMs: durationMs()
    .default(1_000)
    .describe('A question asked again within this time gets the same answer.'),
  answerStaleMs: durationMs()
    .default(5_000)
    .describe(
      'A question asked again within this time gets the same answer while a new one is made. 0: every question is asked.',
    ),
  liveIntervalMs: durationMs().default(1000).describe('How often live topics are computed.'),
  liveHeartbeatMs: durationMs()
    .default(3_000)
    .describe('How often an idle stream says that it is alive.'),
  liveMaxLoad: ratio()
    .default(0.1)
    .describe(
      'Share of the time that computing one live topic may take; beyond, it is computed less often.',
    ),
  liveResumeEvents: count()
    .default(500)
    .describe('Events of a topic kept for browsers that lost the stream and come back.'),
  liveSpansPerEvent: count()
    .default(200)
    .describe('Spans sent to the browser at once; the rest of a burst is counted as skipped.'),
  liveClientBufferBytes: sizeBytes()
    .default(1024 ** 2)
    .describe('What may wait for a slow browser; beyond, it gets a new snapshot later.'),
  liveMaxClients: count().default(200).describe('Streams open at the same time.'),
  metricsMaxOperations: count()
    .default(2_000)
    .describe('Operations with series of their own in /metrics; the rest is added up as _other.'),
  diskLowBytes: sizeBytes()
    .default(2 * 1024 ** 3)
    .describe('Free disk below which health is degraded.'),
  diskVeryLowBytes: sizeBytes()
    .default(512 * 1024 ** 2)
    .describe('Free disk below which health is unhealthy.'),
  loadLagMs: durationMs()
    .default(30_000)
    .describe('Age of the oldest unloaded telemetry beyond which health is degraded.'),
  healthQueryMs: durationMs()
    .default(2_000)
    .describe('How long the store may take to say that it is there.'),
  shutdownMs: durationMs()
    .default(10_000)
    .describe('How long a stop may take before the process ends anyway.'),
  dataDirectory: z.string().default('.perfloop').describe('Folder of everything Perfloop keeps.'),
})
