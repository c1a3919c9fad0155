import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUILT_IN_ANALYZERS } from '../../packages/perfloop/src/analyzers/built-in.ts'
import { ORDINARY_APPLICATIONS } from '../../packages/perfloop/src/analyzers/scenario/ordinary-applications.ts'
import {
  createTelemetry,
  STYLES,
  type Style,
} from '../../packages/perfloop/src/analyzers/scenario/telemetry.ts'
import {
  type CheckedFinding,
  checkFiles,
} from '../../packages/perfloop/src/cli/check/check-files.ts'
import { defaultSettings } from '../../packages/perfloop/src/settings/settings.ts'

const directory = mkdtempSync(join(tmpdir(), 'perfloop-ordinary-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const service = (index: number) => `application-${index}`
const styles: readonly [string, Style][] = Object.entries(STYLES)

describe.each(styles)('an ordinary application in the style of %s', (styleName, style) => {
  let findings: readonly CheckedFinding[] = []

  beforeAll(async () => {
    const file = join(directory, `${styleName}.jsonl`)
    const told = ORDINARY_APPLICATIONS.map(({ tell }, index) => {
      const telemetry = createTelemetry({ seed: index, service: service(index), style })
      tell(telemetry)
      return JSON.stringify(telemetry.toRequest())
    })
    writeFileSync(file, told.join('\n'))
    const [checked] = await checkFiles([file], {
      settings: defaultSettings(),
      analyzers: BUILT_IN_ANALYZERS,
      clock: { nowUnixMs: () => Date.now() },
    })
    findings = checked?.findings ?? []
  }, 60_000)

  it.each(ORDINARY_APPLICATIONS.map((application, index) => ({ ...application, index })))(
    'is judged by what it does: $name',
    ({ truth, index }) => {
      const own = findings.filter(finding => finding.service === service(index))
      expect(own.map(({ kind, operation, title }) => ({ kind, operation, title }))).toEqual(
        truth.map(({ kind, operation, statement }) => ({
          kind,
          operation,
          title: expect.stringContaining(statement ?? operation),
        })),
      )
    },
  )
})
