import { type Command, Option } from 'commander'
import { SEVERITIES } from '../domain/severity.ts'
import type { CheckFlags } from './check/run-check.ts'

export function registerCheck(program: Command): void {
  program
    .command('check')
    .description(
      'Run the analyzers on trace files, with no server. Exit code: 0 fine, 1 something was found, 2 it could not be checked',
    )
    .argument(
      '<file...>',
      'OTLP JSON: one export request, an array of them, or one a line (Collector file exporter); also .gz',
    )
    .addOption(
      new Option('--format <format>', 'of the report on standard output')
        .choices(['text', 'json', 'sarif'])
        .default('text'),
    )
    .addOption(
      new Option('--fail-on <severity>', 'exit with 1 when something at least so severe is found')
        .choices(SEVERITIES)
        .default('high'),
    )
    .option('--config <file>', 'JSON file of settings (docs/settings.md)')
    .action(async (files: string[], flags: CheckFlags) => {
      const { runCheck } = await import('./check/run-check.ts')
      process.exitCode = await runCheck(files, flags, {
        env: process.env,
        out: text => void process.stdout.write(text),
        err: text => void process.stderr.write(text),
        color: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
      })
    })
}
