import { type Command, Option } from 'commander'
import { DIALECTS, type Dialect } from '../ingest/fingerprint/statement-pattern.ts'

export interface LabFingerprintFlags {
  readonly dialect: Dialect
  readonly json: boolean
}

/** `perfloop lab …`: Perfloop's own arithmetic on input one can check by hand. */
export function registerLab(program: Command): void {
  const lab = program.command('lab').description('Try parts of Perfloop on input of your own')
  lab
    .command('fingerprint')
    .description('Fingerprint SQL statements: a JSON array of strings on standard input')
    .addOption(
      new Option('--dialect <dialect>', 'whose rules of quoting and comments apply')
        .choices(DIALECTS)
        .default('postgresql'),
    )
    .option('--json', 'print a JSON array instead of text', false)
    .action(async (flags: LabFingerprintFlags) => {
      const { fingerprintInput } = await import('./lab-fingerprint.ts')
      process.stdout.write(`${await fingerprintInput(process.stdin, flags)}\n`)
    })
}
