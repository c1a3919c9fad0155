import { Command, Option } from 'commander'
import { z } from 'zod'
import { PerfloopError } from '../domain/perfloop-error.ts'
import { fingerprintStatement } from '../ingest/fingerprint/fingerprint-statement.ts'
import { DIALECTS, type Dialect } from '../ingest/fingerprint/statement-pattern.ts'

/** What `perfloop lab fingerprint` answers for one statement. Public format. */
export interface LabFingerprint {
  readonly normalized: string
  readonly fingerprint: string
  readonly tables: readonly string[]
  readonly summary: string
}

interface FingerprintOptions {
  readonly dialect: Dialect
  readonly json: boolean
}

const Statements = z.array(z.string())

/** `perfloop lab …`: Perfloop's own arithmetic on input one can check by hand. */
export function labCommand(): Command {
  const lab = new Command('lab').description('Try the parts of Perfloop on input of your own.')
  lab
    .command('fingerprint')
    .description('Fingerprint SQL statements: a JSON array of strings on standard input.')
    .addOption(
      new Option('--dialect <dialect>', 'whose rules of quoting and comments apply')
        .choices(DIALECTS)
        .default('postgresql'),
    )
    .option('--json', 'print a JSON array instead of text', false)
    .action(async (options: FingerprintOptions) => {
      const input = await readAll(process.stdin)
      process.stdout.write(
        `${printFingerprints(labFingerprints(input, options.dialect), options)}\n`,
      )
    })
  return lab
}

/** `input` is a JSON array of statements; anything else is refused with where it went wrong. */
export function labFingerprints(input: string, dialect: Dialect): readonly LabFingerprint[] {
  return parseStatements(input).map(statement => {
    const { normalized, fingerprint, tables, summary } = fingerprintStatement(statement, dialect)
    return { normalized, fingerprint, tables, summary }
  })
}

function parseStatements(input: string): readonly string[] {
  try {
    return Statements.parse(JSON.parse(input))
  } catch (cause) {
    const expected = 'a JSON array of strings on standard input'
    throw new PerfloopError('INVALID_REQUEST', { expected, found: input.slice(0, 80) }, cause)
  }
}

export function printFingerprints(
  fingerprints: readonly LabFingerprint[],
  options: Pick<FingerprintOptions, 'json'>,
): string {
  if (options.json) return JSON.stringify(fingerprints)
  return fingerprints
    .map(({ normalized, fingerprint, summary }) => `${fingerprint}  ${summary}\n  ${normalized}`)
    .join('\n')
}

async function readAll(stream: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}
