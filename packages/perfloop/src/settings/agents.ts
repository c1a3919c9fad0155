import { z } from 'zod'
import { count, durationMs, ratio, section, sizeBytes } from './section.ts'

export const AgentSettings = section({
  maxAgents: count()
    .default(1_000)
    .describe('Agents known at the same time; the ones not seen for longest are forgotten first.'),
  maxBytesPerMinute: sizeBytes()
    .default(128 * 1024 * 1024)
    .describe(
      'What all agents together may report, declare and profile in a minute, unpacked; beyond, they are told to come back.',
    ),
  maxDeclarationsBytes: sizeBytes()
    .default(64 * 1024 * 1024)
    .describe('Declarations of all services together; beyond, the oldest are forgotten.'),
  keepDays: count().default(7).describe('Days after which an agent that is gone is forgotten.'),
  pollMs: durationMs()
    .default(25_000)
    .describe('How long an agent that asks for its settings waits for news.'),
  leaseMs: durationMs()
    .default(60_000)
    .describe(
      'An agent that has not reached Perfloop for so long puts its knobs back and samples as its host says. Longer than `agents.pollMs`.',
    ),
  connectedMs: durationMs()
    .default(45_000)
    .describe('An agent that was heard of within this time is called connected.'),
  flushIntervalMs: durationMs()
    .default(5_000)
    .describe('How long finished spans may wait in the application when nobody is watching.'),
  watchedFlushIntervalMs: durationMs()
    .default(25)
    .describe(
      'The same while somebody looks at the dashboard: half of the time in which a request is to be seen, the way takes the rest.',
    ),
  watchLingerMs: durationMs()
    .default(10_000)
    .describe('So long after the last one left, agents still send as if somebody were watching.'),
  sampling: z
    .record(z.string(), ratio())
    .default({})
    .describe(
      'Share of traces that agents record at all, by service, `*` for the others; 1 by default. What is left out costs the application nothing; the others count for it.',
    ),
  resultHashes: z
    .array(z.string())
    .default([])
    .describe(
      'Services whose reads of databases tell a hash of their result and their parameters, `*` for all: what shows which answers could be kept.',
    ),
  maxQueuedBytes: sizeBytes()
    .default(16 * 1024 * 1024)
    .describe('Encoded spans that wait in an application while Perfloop is away.'),
  generationMs: durationMs()
    .default(10 * 60_000)
    .describe(
      'What a service declares is taken from its newest agent and from those seen within this time before it: older ones ran an older version.',
    ),
  profileMaxMs: durationMs().default(120_000).describe('Longest profile that can be asked for.'),
  profileGraceMs: durationMs()
    .default(90_000)
    .describe('So long after its end a profile that did not come is given up.'),
  profilesPerMinute: count()
    .default(6)
    .describe('Profiles one agent may send in a minute; more are refused.'),
  maxProfileBytes: sizeBytes()
    .default(4 * 1024 * 1024)
    .describe('Largest profile, gzipped.'),
  profileDays: count().default(7).describe('Days a profile is kept.'),
  maxProfilesBytes: sizeBytes()
    .default(128 * 1024 * 1024)
    .describe('All profiles together; beyond, the oldest go first.'),
  maxProfiles: count()
    .default(20_000)
    .describe('All profiles together; beyond, the oldest go first.'),
  mergedProfiles: count()
    .default(60)
    .describe('Newest parts of the continuous profile that are added up for a range.'),
  maxFrames: count()
    .default(4_000)
    .describe('Frames of a flame graph; the smallest beyond are drawn with their callers.'),
  knobMaxMs: durationMs()
    .default(7 * 24 * 3_600_000)
    .describe('Longest time for which a knob can be turned.'),
  tendIntervalMs: durationMs().default(30_000).describe('How often what is expired is looked for.'),
})
