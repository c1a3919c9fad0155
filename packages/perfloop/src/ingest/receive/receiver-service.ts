import type { Clock } from '../../domain/clock.ts'
import { systemClock } from '../../domain/clock.ts'
import type { LiveSpan } from '../../domain/live-span.ts'
import type { Logger } from '../../domain/logger.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { IngestBuffer, NativeBlock } from '../ingest-buffer.ts'
import { createBatchDigest } from '../spool/batch-digest.ts'
import { Spool } from '../spool/spool.ts'
import type { SpoolDisk } from '../spool/spool-disk.ts'
import { AgentDoor, type AskAboutAgent } from './agent-door.ts'
import { startGrpcReceiver } from './grpc-receiver.ts'
import { type ProtocolReceiver, startHttpReceiver } from './http-receiver.ts'
import { Intake } from './intake.ts'
import { LiveSpans } from './live-spans.ts'
import type { ReceiverWorkerOptions, WorkerStatistics } from './receiver-message.ts'
import { type IngestAccess, SenderAccess } from './sender-access.ts'

export interface ReceiverServiceOptions extends ReceiverWorkerOptions {
  readonly buffer: IngestBuffer
  readonly logger: Logger
  readonly clock?: Clock
  readonly disk?: SpoolDisk
  readonly onSegmentClosed?: (segment: number) => void
  readonly onSpans?: (spans: readonly LiveSpan[]) => void
  /** Without it there is no /agent/v1. */
  readonly askAboutAgent?: AskAboutAgent
}

/** The whole receiver, without the thread it usually runs in. */
export interface ReceiverService {
  readonly httpPort: number
  readonly grpcPort: number
  statistics(): Promise<WorkerStatistics>
  watch(watching: { readonly entriesOnly: boolean } | undefined): void
  setTokens(tokens: readonly IngestAccess[]): void
  append(block: NativeBlock): Promise<void>
  rotate(): Promise<void>
  forgetMentions(): void
  /** Stops accepting, commits and syncs what was taken, closes the segment. */
  close(): Promise<void>
}

export async function startReceiverService(
  options: ReceiverServiceOptions,
): Promise<ReceiverService> {
  const { settings, logger, buffer, host, allowedHosts } = options
  const clock = options.clock ?? systemClock
  const access = new SenderAccess({ ...settings, host, allowedHosts })
  if (options.tokens !== undefined) access.setTokens(options.tokens)

  const { spool, batches } = await Spool.open({
    directory: options.spoolDirectory,
    settings: settings.spool,
    logger,
    clock,
    ...(options.onSegmentClosed === undefined ? {} : { onSegmentClosed: options.onSegmentClosed }),
    ...(options.disk === undefined ? {} : { disk: options.disk }),
  })
  const digest = createBatchDigest(options.parameterKey)
  const intake = new Intake({ buffer, spool, batches, digest, settings, logger, clock })
  const live = new LiveSpans(settings.liveSpansPerSecond, clock, spans => options.onSpans?.(spans))

  const agents = new AgentDoor({
    intake,
    access,
    settings,
    ask:
      options.askAboutAgent ??
      (async ({ path }) => {
        throw new PerfloopError('OTLP_PATH_UNKNOWN', { path })
      }),
  })
  const shared = { intake, access, settings, host, logger, clock }
  let http: ProtocolReceiver | undefined
  let grpc: ProtocolReceiver | undefined
  try {
    http = await startHttpReceiver({ ...shared, agents, port: settings.otlpHttpPort })
    grpc = await startGrpcReceiver({ ...shared, port: settings.otlpGrpcPort })
  } catch (error) {
    await http?.close()
    await spool.close()
    throw error
  }
  const protocols = [http, grpc]

  return {
    httpPort: http.port,
    grpcPort: grpc.port,
    statistics: async () => ({ ...(await intake.statistics()), liveSpansSkipped: live.skipped }),
    watch: watching =>
      buffer.watch(
        watching === undefined
          ? undefined
          : { entriesOnly: watching.entriesOnly, onSpans: spans => live.onSpans(spans) },
      ),
    setTokens: tokens => access.setTokens(tokens),
    forgetMentions: () => buffer.forgetMentions(),
    append: block => intake.append(block),
    async rotate() {
      await intake.flush()
      await spool.rotate()
    },
    async close() {
      await Promise.all(protocols.map(protocol => protocol.close()))
      await intake.flush()
      await spool.close()
    },
  }
}
