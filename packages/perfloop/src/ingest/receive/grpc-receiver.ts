import {
  logVerbosity,
  Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  setLogVerbosity,
} from '@grpc/grpc-js'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Signal } from '../ingest-buffer.ts'
import type { ProtocolOptions, ProtocolReceiver } from './http-receiver.ts'
import { encodeExportResponse, encodeStatus } from './otlp-answer.ts'
import { toRefusal, wordsOf } from './refusal.ts'

const SERVICES: Readonly<Record<Signal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
}
/** How long calls under way may take to finish when we stop. */
const CLOSE_GRACE_MS = 5_000
/** Exporters have a few calls under way; each may hold a whole body before we are asked. */
const MOST_CALLS_PER_CONNECTION = 64
/** Over all connections: what is under way of their messages is in memory before we are asked. */
const MOST_CALLS = 256
const FLOW_CONTROL_WINDOW_BYTES = 1024 * 1024

/** OTLP/gRPC. The messages go to the decoder as the bytes they are: nothing is parsed here. */
export async function startGrpcReceiver(options: ProtocolOptions): Promise<ProtocolReceiver> {
  // What goes wrong is answered or thrown; the library would also print it to the console.
  setLogVerbosity(logVerbosity.NONE)
  const server = new Server({
    'grpc.max_receive_message_length': options.settings.maxBodyBytes,
    'grpc.max_concurrent_streams': MOST_CALLS_PER_CONNECTION,
    'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW_BYTES,
    interceptors: [refuseEarly(options)],
  })
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    server.addService(serviceOf(signal), {
      Export: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
        void answer(signal, call, callback, options),
    })
  }

  const port = await bind(server, options.port, options.host)
  return { port, close: () => closeServer(server) }
}

/** Who may not send, or comes when there is no room, is told before a message of theirs is taken in. */
function refuseEarly(options: ProtocolOptions): ServerInterceptor {
  let calls = 0
  return (_method, call) => {
    let isCounted = false
    return new ServerInterceptingCall(call, {
      start: next =>
        next({
          onReceiveMetadata(metadata, pass) {
            try {
              options.access.environmentOf(metadata.get('authorization')[0]?.toString())
              options.intake.requireRoom()
              if (calls >= MOST_CALLS) throw new PerfloopError('RECEIVER_BUSY', { calls })
            } catch (error) {
              call.sendStatus(statusOf(error, options))
              return
            }
            calls += 1
            isCounted = true
            pass(metadata)
          },
          onReceiveMessage: (message, pass) => pass(message),
          onReceiveHalfClose: pass => pass(),
          // Also called when the answer has been sent.
          onCancel() {
            if (isCounted) calls -= 1
            isCounted = false
          },
        }),
    })
  }
}

async function answer(
  signal: Signal,
  call: ServerUnaryCall<Buffer, Buffer>,
  callback: sendUnaryData<Buffer>,
  options: ProtocolOptions,
): Promise<void> {
  const { intake, access, clock } = options
  const receivedUnixMs = clock.nowUnixMs()
  using arrival = intake.announce()
  try {
    const authorization = call.metadata.get('authorization')[0]?.toString()
    const environment = access.environmentOf(authorization)
    intake.requireRoom()
    arrival.grow(call.request.length)
    const outcome = await intake.receive(
      { signal, encoding: 'protobuf', body: call.request, environment, receivedUnixMs },
      arrival,
    )
    callback(null, encodeExportResponse(signal, 'protobuf', outcome))
  } catch (error) {
    callback(statusOf(error, options))
  }
}

function statusOf(
  error: unknown,
  { intake, settings, logger }: ProtocolOptions,
): { readonly code: number; readonly details: string; readonly metadata: Metadata } {
  const refusal = toRefusal(error, logger)
  const message = wordsOf(refusal)
  intake.countRefused(refusal.code)
  const metadata = new Metadata()
  const { retryAfterMs } = settings.spool
  metadata.set(
    'grpc-status-details-bin',
    encodeStatus('protobuf', {
      code: refusal.grpcCode,
      message,
      ...(refusal.retryable ? { retryAfterMs } : {}),
    }),
  )
  return { code: refusal.grpcCode, details: message, metadata }
}

function serviceOf(signal: Signal): ServiceDefinition {
  const asItIs = (bytes: Buffer) => bytes
  return {
    Export: {
      path: `/${SERVICES[signal]}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: asItIs,
      requestDeserialize: asItIs,
      responseSerialize: asItIs,
      responseDeserialize: asItIs,
    },
  }
}

function bind(server: Server, port: number, host: string): Promise<number> {
  const address =
    host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (cause, boundPort) => {
      if (cause === null) resolve(boundPort)
      else if (cause.message.includes('EADDRINUSE')) {
        reject(new PerfloopError('PORT_IN_USE', { port, host, flag: '--otlp-grpc' }, cause))
      } else reject(cause)
    })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    const force = setTimeout(() => server.forceShutdown(), CLOSE_GRACE_MS)
    server.tryShutdown(() => {
      clearTimeout(force)
      resolve()
    })
  })
}
