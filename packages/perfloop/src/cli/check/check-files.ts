import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Analyzer, Finding, Window } from '../../analysis/analyzer.ts'
import { explainFindings } from '../../analysis/explain-findings.ts'
import { directJudgePool } from '../../analysis/judge-pool.ts'
import { runAnalyzer } from '../../analysis/run-analyzer.ts'
import type { KindOfFinding } from '../../analysis/track-issues.ts'
import type { Clock } from '../../domain/clock.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import { createIngestBuffer } from '../../ingest/columns/create-ingest-buffer.ts'
import type { NativeBlock } from '../../ingest/ingest-buffer.ts'
import type { Settings } from '../../settings/settings.ts'
import { createMeasurementJob } from '../../store/telemetry/jobs/measure-settled-traces.ts'
import {
  type OpenTelemetryStore,
  openTelemetryStore,
} from '../../store/telemetry/open-telemetry-store.ts'
import { readTraceFile, unreadable } from './read-trace-file.ts'

export interface CheckedFile {
  readonly file: string
  /** What costs most comes first. */
  readonly findings: readonly CheckedFinding[]
  /** Spans that are not valid OTLP, in words; empty when all are. */
  readonly warning: string
}

export interface CheckedFinding extends Finding {
  readonly kind: string
}

export interface CheckOptions {
  readonly settings: Settings
  readonly analyzers: readonly Analyzer[]
  readonly clock: Clock
}

/** Files are kept apart by when they count as received; this far, so that no execution of one reaches another. */
const SECONDS_BETWEEN_FILES = 120
const NS_PER_SECOND = 1_000_000_000n

/**
 * Runs the analyzers on trace files as the server would on what it received: the same decoding, store,
 * measurements and judgement, in a store that is thrown away afterwards.
 */
export async function checkFiles(
  files: readonly string[],
  options: CheckOptions,
): Promise<readonly CheckedFile[]> {
  const requests = files.map(file => ({ file, bodies: readTraceFile(file) }))
  const directory = mkdtempSync(join(tmpdir(), 'perfloop-check-'))
  try {
    const settings = offlineSettings(options.settings)
    const store = await openTelemetryStore({
      dataDirectory: join(directory, 'store'),
      settings,
      clock: options.clock,
    })
    try {
      return await checkInStore(store, requests, directory, { ...options, settings })
    } finally {
      await store.close()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A file is a statement of what was: nothing in it is too old, too much or still on its way. */
function offlineSettings(settings: Settings): Settings {
  const unlimited = Number.MAX_SAFE_INTEGER
  return {
    ...settings,
    ingest: {
      ...settings.ingest,
      maxPastMs: unlimited,
      maxFutureMs: unlimited,
      maxSpansPerRequest: unlimited,
      maxBodyBytes: unlimited,
      maxOperationsPerService: unlimited,
      maxStatementsPerService: unlimited,
    },
    analysis: { ...settings.analysis, settleMs: 0 },
  }
}

async function checkInStore(
  store: OpenTelemetryStore,
  requests: readonly { readonly file: string; readonly bodies: readonly Uint8Array[] }[],
  directory: string,
  options: CheckOptions,
): Promise<readonly CheckedFile[]> {
  const nowS = Math.floor(options.clock.nowUnixMs() / 1_000)
  const receivedS = (index: number) => nowS - (requests.length - index) * SECONDS_BETWEEN_FILES
  const warnings: string[] = []
  const blocks = join(directory, 'blocks')
  mkdirSync(blocks)
  for (const [index, { file, bodies }] of requests.entries()) {
    const decoded = decode(file, bodies, receivedS(index), options)
    warnings.push(decoded.warning)
    await load(store, decoded.blocks, blocks, index)
  }
  await createMeasurementJob(store).run()

  const checked: CheckedFile[] = []
  for (const [index, { file }] of requests.entries()) {
    const fromUnixNs = BigInt(receivedS(index)) * NS_PER_SECOND
    const window = { fromUnixNs, toUnixNs: fromUnixNs + NS_PER_SECOND, offline: true }
    const findings = await findingsOf(store, window, options)
    checked.push({ file, findings, warning: warnings[index] ?? '' })
  }
  return checked
}

function decode(
  file: string,
  bodies: readonly Uint8Array[],
  receivedUnixSeconds: number,
  { settings, clock }: CheckOptions,
): { readonly blocks: readonly NativeBlock[]; readonly warning: string } {
  const buffer = createIngestBuffer({
    settings: settings.ingest,
    measurementDays: settings.retention.measurementDays,
    parameterKey: randomBytes(16),
    clock,
  })
  let accepted = 0
  let rejected = 0
  let message = ''
  for (const [index, body] of bodies.entries()) {
    try {
      const context = { receivedUnixMs: receivedUnixSeconds * 1_000 }
      const outcome = buffer.add('traces', 'json', body, context)
      accepted += outcome.accepted
      rejected += outcome.rejected
      message ||= outcome.message
    } catch (cause) {
      const details = cause instanceof PerfloopError ? cause.details : { reason: String(cause) }
      throw unreadable(file, { ...details, request: index + 1 }, cause)
    }
  }
  if (accepted === 0 && rejected > 0) throw unreadable(file, { rejected, reason: message })
  return {
    blocks: buffer.take(receivedUnixSeconds),
    warning: rejected === 0 ? '' : `${rejected} spans were left out: ${message}`,
  }
}

async function load(
  store: OpenTelemetryStore,
  blocks: readonly NativeBlock[],
  directory: string,
  fileIndex: number,
): Promise<void> {
  for (const [index, block] of blocks.entries()) {
    const path = join(directory, `${fileIndex}-${index}.native`)
    writeFileSync(path, block.bytes)
    await store.engine.insertNative({
      table: block.table,
      file: path,
      columns: block.columns,
      deduplicationToken: `${fileIndex}-${index}`,
    })
  }
}

async function findingsOf(
  store: OpenTelemetryStore,
  window: Window,
  { settings, analyzers }: CheckOptions,
): Promise<readonly CheckedFinding[]> {
  const enabled = analyzers.filter(({ kind }) => settings.analyzers.enabled[kind] !== false)
  const pool = directJudgePool(enabled)
  const outcomes = await Promise.all(
    enabled.map(async analyzer => ({
      kind: analyzer.kind,
      outcome: await runAnalyzer({
        analyzer,
        window,
        options: settings.analyzers,
        store,
        pool,
        limits: settings.analysis,
      }),
    })),
  )
  const findings: KindOfFinding[] = []
  for (const { kind, outcome } of outcomes) {
    // A gate that judged only in part must not look like one that passed.
    if (outcome.status === 'failed') throw outcome.error
    findings.push(...outcome.findings.map(finding => ({ kind, finding })))
  }
  return explainFindings(findings, settings.analysis)
    .standing.map(({ kind, finding }) => ({ kind, ...finding }))
    .toSorted((a, b) => b.recoverableNsPerHour - a.recoverableNsPerHour)
}
