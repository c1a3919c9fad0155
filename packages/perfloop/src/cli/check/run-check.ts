import pc from 'picocolors'
import { BUILT_IN_ANALYZERS } from '../../analyzers/built-in.ts'
import { systemClock } from '../../domain/clock.ts'
import { isAtLeast, type Severity } from '../../domain/severity.ts'
import { readVersion } from '../../server/read-version.ts'
import { loadSettings } from '../../settings/load-settings.ts'
import { describeFailure } from '../describe-failure.ts'
import { type CheckedFile, checkFiles } from './check-files.ts'
import { reportJson } from './report-json.ts'
import { reportSarif } from './report-sarif.ts'
import { reportText } from './report-text.ts'

type CheckFormat = 'text' | 'json' | 'sarif'

export interface CheckFlags {
  readonly format: CheckFormat
  readonly failOn: Severity
  readonly config?: string
}

export interface CheckOutput {
  readonly env: Readonly<Record<string, string | undefined>>
  out(text: string): void
  err(text: string): void
  readonly color: boolean
}

const NOTHING_TO_FAIL_ON = 0
const FOUND = 1
const COULD_NOT_CHECK = 2

/** Answers the exit code: 0 fine, 1 found something at or above `failOn`, 2 the files could not be checked. */
export async function runCheck(
  files: readonly string[],
  flags: CheckFlags,
  { env, out, err, color }: CheckOutput,
): Promise<number> {
  try {
    const { settings } = loadSettings({ file: flags.config, env })
    const checked = await checkFiles(files, {
      settings,
      analyzers: BUILT_IN_ANALYZERS,
      clock: systemClock,
    })
    out(`${report(checked, flags.format, color)}\n`)
    const fails = checked.some(({ findings }) =>
      findings.some(({ severity }) => isAtLeast(severity, flags.failOn)),
    )
    return fails ? FOUND : NOTHING_TO_FAIL_ON
  } catch (error) {
    // Whatever failed: a gate that could not look must not read as one that found something.
    err(`${describeFailure(error, env)}\n`)
    return COULD_NOT_CHECK
  }
}

function report(files: readonly CheckedFile[], format: CheckFormat, color: boolean): string {
  switch (format) {
    case 'json':
      return reportJson(files)
    case 'sarif':
      return reportSarif(files, BUILT_IN_ANALYZERS, readVersion())
    case 'text':
      return reportText(files, pc.createColors(color))
  }
}
