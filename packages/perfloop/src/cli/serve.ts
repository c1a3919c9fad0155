import { type Command, InvalidArgumentError, Option } from 'commander'

export interface ServeFlags {
  readonly data?: string
  readonly port?: number
  readonly otlpHttp?: number
  readonly otlpGrpc?: number
  readonly host?: string
  readonly config?: string
  readonly logLevel: string
}

export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('Receive telemetry, analyze it and serve the dashboard')
    .option('--data <dir>', 'folder of everything Perfloop keeps (.perfloop)')
    .option('--port <port>', 'of the API and the dashboard (4600)', parsePort)
    .option('--otlp-http <port>', 'of OTLP/HTTP (4318)', parsePort)
    .option('--otlp-grpc <port>', 'of OTLP/gRPC (4317)', parsePort)
    .option('--host <address>', 'to listen on (127.0.0.1)')
    .option('--config <file>', 'JSON file of settings (docs/settings.md)')
    .addOption(
      new Option('--log-level <level>', 'least important lines that are logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('warn'),
    )
    .action(async (flags: ServeFlags) => {
      const { serve } = await import('./run-serve.ts')
      await serve(flags)
    })
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('a port is 0 to 65535.')
  return port
}
