import { type Command, InvalidArgumentError, Option } from 'commander'
import type { DemoTelemetry } from './demo/demo-child.ts'
import { parsePort } from './serve.ts'

export interface DemoFlags {
  readonly port?: number
  readonly otlpHttp?: number
  readonly otlpGrpc?: number
  readonly data?: string
  readonly for?: number
  readonly approve?: string
  readonly faults: string
  readonly telemetry: DemoTelemetry
  readonly rate: number
  readonly json: boolean
  readonly open: boolean
}

/** Kinds of optimizations, without what they are made of: the command line should be there at once. */
export const APPROVABLE = ['create-index']

export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('Start a shop with planted problems, its load, and Perfloop watching it')
    .option('--port <port>', 'of the API and the dashboard (4600, or the next free one)', parsePort)
    .option('--otlp-http <port>', 'of OTLP/HTTP (4318, or the next free one)', parsePort)
    .option('--otlp-grpc <port>', 'of OTLP/gRPC (4317, or the next free one)', parsePort)
    .option('--data <dir>', 'keep everything there (a temporary folder that goes at the end)')
    .option('--for <time>', 'stop after so long, such as 180s or 5m', parseDurationMs)
    .addOption(new Option('--approve <kind>', 'approve proposals of this kind').choices(APPROVABLE))
    .option('--faults <names>', 'planted problems, comma-separated; all or none', 'all')
    .addOption(
      new Option('--telemetry <by>', 'what measures the shop')
        .choices(['agent', 'opentelemetry'])
        .default('agent'),
    )
    .option('--rate <requests>', 'requests per second of the load', parseRate, 10)
    .option('--json', 'print what was found, applied and verified as JSON at the end', false)
    .option('--no-open', 'do not open the dashboard in a browser')
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import('./demo/run-demo.ts')
      process.exitCode = await runDemo(flags, {
        stdout: process.stdout,
        stderr: process.stderr,
        env: process.env,
        signals: process,
      })
    })
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** `180s`, `3m`, `1.5h`; a bare number is seconds. */
export function parseDurationMs(text: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim()) ?? []
  const unitMs = UNIT_MS[unit]
  if (amount === undefined || unitMs === undefined) {
    throw new InvalidArgumentError('a time is a number with s, m or h, such as 180s.')
  }
  return Number(amount) * unitMs
}

export function parseRate(text: string): number {
  const rate = Number(text)
  if (!(rate > 0 && rate <= 1_000)) {
    throw new InvalidArgumentError('a rate is more than 0 and at most 1000 requests per second.')
  }
  return rate
}
