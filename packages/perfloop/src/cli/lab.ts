import { type Command, InvalidArgumentError, Option } from 'commander'
import { DIALECTS, type Dialect } from '../ingest/fingerprint/statement-pattern.ts'

export interface LabLeakFlags {
  readonly limit?: number
  readonly json: boolean
}

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
  lab
    .command('leak')
    .description('Judge memory: a CSV file of timestamp,bytes… with a column for each process')
    .argument('<file>', 'the CSV file, or - for standard input')
    .option('--limit <bytes>', 'what each may use at most, to tell when it is reached', parseBytes)
    .option('--json', 'print a JSON array instead of text', false)
    .action(async (file: string, flags: LabLeakFlags) => {
      const { judgeMemoryFile } = await import('./lab-leak.ts')
      process.stdout.write(`${await judgeMemoryFile(file, flags)}\n`)
    })
}

function parseBytes(text: string): number {
  const bytes = Number(text)
  if (!(bytes > 0 && Number.isFinite(bytes))) {
    throw new InvalidArgumentError('a number of bytes is more than 0, such as 536870912.')
  }
  return bytes
}
