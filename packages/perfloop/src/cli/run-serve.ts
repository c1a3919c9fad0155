import pino from 'pino'
import { systemClock } from '../domain/clock.ts'
import { type RunningServer, startServer } from '../server/compose.ts'
import { untilStopped } from '../server/until-stopped.ts'
import { loadSettings } from '../settings/load-settings.ts'
import type { ServeFlags } from './serve.ts'

const OWNER_ONLY = 0o077

/** Starts, says where everything is, and runs until it is told to stop. */
export async function serve(flags: ServeFlags): Promise<void> {
  // Whatever is written, by this process or those it starts, is for its owner's eyes only.
  process.umask(OWNER_ONLY)
  const { settings, sources, warnings } = loadSettings({
    file: flags.config,
    env: process.env,
    flags: {
      'server.dataDirectory': flags.data,
      'server.port': flags.port,
      'server.host': flags.host,
      'ingest.otlpHttpPort': flags.otlpHttp,
      'ingest.otlpGrpcPort': flags.otlpGrpc,
    },
  })
  const logger = pino(
    { level: flags.logLevel, serializers: { error: pino.stdSerializers.err } },
    pino.destination(2),
  )
  for (const warning of warnings) process.stderr.write(`perfloop: ${warning}\n`)

  const server = await startServer({ settings, sources, logger, clock: systemClock })
  process.stdout.write(welcome(server, settings.server.host))
  await untilStopped(server, { shutdownMs: settings.server.shutdownMs, logger })
}

export function welcome(server: RunningServer, host: string): string {
  const { secret, isNew, file } = server.adminToken
  const otlpHost = host.includes(':') ? `[${host}]` : host
  const dashboard = isNew ? `${server.url}/#token=${secret}` : server.url
  return `
  Perfloop is ready (${Math.round(server.startMs)} ms)

  Dashboard   ${dashboard}
  API         ${server.url}/api/v1  (described at ${server.url}/api/v1/openapi.json)
  OTLP/HTTP   http://${otlpHost}:${server.otlpHttpPort}
  OTLP/gRPC   ${otlpHost}:${server.otlpGrpcPort}
  Data        ${server.dataDirectory}
  Admin token ${isNew ? 'is in the dashboard address above, shown this once, and' : 'is'} in ${file}

  Send from anything that speaks OpenTelemetry:
    export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
    export OTEL_EXPORTER_OTLP_ENDPOINT=http://${otlpHost}:${server.otlpHttpPort}

`
}
