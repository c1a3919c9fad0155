import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUILT_IN_ANALYZERS } from '../../analyzers/built-in.ts'
import { STORIES, tell } from '../../analyzers/scenario/stories.ts'
import {
  createTelemetry,
  STYLES,
  type Style,
  type Telemetry,
} from '../../analyzers/scenario/telemetry.ts'
import { defaultSettings } from '../../settings/settings.ts'
import { type CheckedFinding, checkFiles } from './check-files.ts'

const directory = mkdtempSync(join(tmpdir(), 'perfloop-scenarios-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let files = 0
function written(telemetries: readonly Telemetry[]): string {
  files += 1
  const file = join(directory, `${files}.jsonl`)
  writeFileSync(file, telemetries.map(one => JSON.stringify(one.toRequest())).join('\n'))
  return file
}

/** Findings of each file, a file being what several applications sent. */
async function findingsIn(
  contents: readonly (readonly Telemetry[])[],
): Promise<readonly (readonly CheckedFinding[])[]> {
  const checked = await checkFiles(contents.map(written), {
    settings: defaultSettings(),
    analyzers: BUILT_IN_ANALYZERS,
    clock: { nowUnixMs: () => Date.now() },
  })
  return checked.map(file => file.findings)
}

const styles: readonly [string, Style][] = Object.entries(STYLES)

describe.each(styles)('in the style of %s', (_, style) => {
  let sick: readonly CheckedFinding[] = []
  let healthy: readonly CheckedFinding[] = []
  const service = (index: number) => `harbour-${index}`
  const told = (isHealthy: boolean) =>
    STORIES.map((story, index) =>
      tell(story, { seed: index, style, healthy: isHealthy, service: service(index) }),
    )

  beforeAll(async () => {
    ;[sick = [], healthy = []] = await findingsIn([told(false), told(true)])
  })

  it.each(STORIES.map((story, index) => ({ ...story, index })))(
    'finds $name, and nothing else',
    ({ truth, index }) => {
      const findings = sick.filter(finding => finding.service === service(index))
      expect(findings.map(({ kind, operation }) => ({ kind, operation }))).toEqual(
        truth.map(({ kind, operation }) => ({ kind, operation })),
      )
      for (const [n, { statement }] of truth.entries()) {
        if (statement !== undefined) expect(findings[n]?.statementText).toContain(statement)
        expect(findings[n]?.traceId).toMatch(/^[0-9a-f]{32}$/)
        expect(findings[n]?.spanIds[0]).toMatch(/^[0-9a-f]{16}$/)
        expect(findings[n]?.recoverableNsPerHour).toBeGreaterThan(0)
      }
    },
  )

  it.each(STORIES.map((story, index) => ({ ...story, index })))(
    'stays silent on the twin without $name',
    ({ index }) => {
      const findings = healthy.filter(finding => finding.service === service(index))
      expect(findings.map(({ title }) => title)).toEqual([])
    },
  )
})

describe('an N+1', () => {
  function pierStory(tellRequest: Parameters<Telemetry['request']>[1], style: Style): Telemetry {
    const telemetry = createTelemetry({ seed: 5, service: 'harbour', style })
    telemetry.request('GET /piers', tellRequest)
    return telemetry
  }

  it('that is nested is one finding with every level and exact counts', async () => {
    const telemetry = pierStory(request => {
      request.query('SELECT * FROM piers', { rows: 100 })
      for (let pier = 0; pier < 100; pier++) {
        request.query(`SELECT * FROM berths WHERE pier_id = {${pier}}`, { rows: 10, ms: 0.4 })
        for (let berth = 0; berth < 10; berth++) {
          const id = pier * 10 + berth
          request.query(`SELECT * FROM moorings WHERE berth_id = {${id}}`, { rows: 2, ms: 0.4 })
        }
      }
    }, STYLES.stable)
    const [[finding, ...others] = []] = await findingsIn([[telemetry]])
    expect(others).toEqual([])
    expect(finding?.evidence).toMatchObject({
      pattern: '1 + 100 + 1,000',
      levels: [
        { depth: 0, calls: 1, rows: 100, summary: 'SELECT piers' },
        { depth: 1, calls: 100, summary: 'SELECT berths' },
        { depth: 2, calls: 1_000, summary: 'SELECT moorings' },
      ],
    })
    expect(finding).toMatchObject({ severity: 'high', codeLocation: 'app/models.py:42' })
  })

  it('names the statement whose rows were looped over, not the one that happened to come last', async () => {
    const telemetry = pierStory(request => {
      request.query('SELECT * FROM piers', { rows: 30 })
      request.query("SELECT * FROM flags WHERE name = {'tide'}")
      for (let pier = 0; pier < 30; pier++) {
        request.query(`SELECT * FROM cranes WHERE pier_id = {${pier}}`)
      }
    }, STYLES.expressPg)
    const [[finding] = []] = await findingsIn([[telemetry]])
    expect(finding?.title).toContain('once for each row of SELECT piers')
  })

  it('is told apart from the same read again and again, and from cache reads unless there are many', async () => {
    const sameRead = pierStory(request => {
      for (let n = 0; n < 40; n++) request.query('SELECT * FROM piers WHERE id = {7}')
    }, STYLES.pythonLegacy)
    const fewGets = pierStory(request => {
      for (let n = 0; n < 12; n++) request.command('redis', `GET pier:${n}`)
    }, STYLES.pythonLegacy)
    const manyGets = pierStory(request => {
      for (let n = 0; n < 60; n++) request.command('redis', `GET pier:${n}`)
    }, STYLES.pythonLegacy)
    const documents = pierStory(request => {
      for (let n = 0; n < 15; n++) request.command('mongodb', `find piers {"_id": ${n}}`)
    }, STYLES.pythonLegacy)
    const found = await findingsIn([[sameRead], [fewGets], [manyGets], [documents]])
    expect(found.map(list => list.map(({ kind }) => kind))).toEqual([
      [],
      [],
      ['n-plus-one'],
      ['n-plus-one'],
    ])
  })

  it('made in parallel is said to spare only the wall time it takes', async () => {
    const calls = 20
    const telemetry = pierStory(request => {
      request.query('SELECT * FROM piers', { rows: calls })
      request.parallel(
        Array.from({ length: calls }, (_, pier) => branch => {
          branch.query(`SELECT * FROM cranes WHERE pier_id = {${pier}}`, { ms: 10 })
        }),
      )
    }, STYLES.stable)
    const [[finding] = []] = await findingsIn([[telemetry]])
    expect(finding?.recoverableNsPerHour).toBeLessThan(13e6)
    expect(finding?.evidence).toMatchObject({ calls_per_execution_max: calls })
    expect(Number(finding?.evidence.calls_at_once)).toBeGreaterThan(10)
  })
})
