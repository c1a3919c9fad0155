import { z } from 'zod'
import { PerfloopError } from '../domain/perfloop-error.ts'
import { fingerprintStatement } from '../ingest/fingerprint/fingerprint-statement.ts'
import type { Dialect } from '../ingest/fingerprint/statement-pattern.ts'
import type { LabFingerprintFlags } from './lab.ts'

/** What `perfloop lab fingerprint` answers for one statement. Public format. */
export interface LabFingerprint {
  readonly normalized: string
  readonly fingerprint: string
  readonly tables: readonly string[]
  readonly summary: string
}

const Statements = z.array(z.string())

/** The fingerprints of the statements in `input`, as text or JSON. */
export async function fingerprintInput(
  input: AsyncIterable<Buffer | string>,
  flags: LabFingerprintFlags,
): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of input) chunks.push(Buffer.from(chunk))
  const found = fingerprintStatements(Buffer.concat(chunks).toString('utf8'), flags.dialect)
  if (flags.json) return JSON.stringify(found)
  return found
    .map(({ normalized, fingerprint, summary }) => `${fingerprint}  ${summary}\n  ${normalized}`)
    .join('\n')
}

/** `input` is a JSON array of statements; anything else is refused with what is expected. */
export function fingerprintStatements(input: string, dialect: Dialect): readonly LabFingerprint[] {
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
    throw new PerfloopError('INPUT_UNREADABLE', { expected, found: input.slice(0, 80) }, cause)
  }
}
