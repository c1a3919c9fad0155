import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { STORIES, tell } from '../../analyzers/scenario/stories.ts'
import { createTelemetry, STYLES } from '../../analyzers/scenario/telemetry.ts'
import { registerCheck } from '../check.ts'
import { readTraceFile } from './read-trace-file.ts'
import { type CheckFlags, runCheck } from './run-check.ts'

const directory = mkdtempSync(join(tmpdir(), 'perfloop-check-test-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function write(name: string, content: string | Uint8Array): string {
  const file = join(directory, name)
  writeFileSync(file, content)
  return file
}

/** A request that repeats one statement 30 times. */
function repetition(): object {
  const telemetry = createTelemetry({ seed: 3, service: 'harbour', style: STYLES.stable })
  telemetry.request('GET /piers', request => {
    request.query('SELECT * FROM piers', { rows: 30 })
    for (let pier = 0; pier < 30; pier++) {
      request.query(`SELECT * FROM cranes WHERE pier_id = {${pier}}`, { code: 'app/cranes.py' })
    }
  })
  return telemetry.toRequest()
}

function soundness(): object {
  const telemetry = createTelemetry({ seed: 4, service: 'harbour', style: STYLES.expressPg })
  telemetry.request('GET /piers', request => request.query('SELECT * FROM piers'))
  return telemetry.toRequest()
}

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run(files: readonly string[], flags: Partial<CheckFlags> = {}): Promise<Ran> {
  let [out, err] = ['', '']
  const code = await runCheck(
    files,
    { format: 'text', failOn: 'high', ...flags },
    {
      env: {},
      color: false,
      out: text => {
        out += text
      },
      err: text => {
        err += text
      },
    },
  )
  return { code, out, err }
}

describe('a report', () => {
  let sick: string
  let sound: string
  beforeAll(() => {
    sick = write('sick.json', JSON.stringify(repetition()))
    sound = write('sound.json.gz', gzipSync(JSON.stringify(soundness())))
  })

  it('for people says what is wrong, where, what it costs and what to do, file by file', async () => {
    const { code, out } = await run([sick, sound])
    expect(code).toBe(1)
    expect(out).toContain(`${sick}: 1 finding`)
    expect(out).toContain(
      'HIGH n-plus-one  GET /piers runs SELECT cranes 30 times in one request, once for each row of SELECT piers',
    )
    expect(out).toContain('harbour · GET /piers · app/cranes.py:42')
    expect(out).toContain('selectinload')
    expect(out).toContain(`${sound}: nothing found`)
  })

  it('for programs has exactly the public fields', async () => {
    const { code, out } = await run([sick], { format: 'json', failOn: 'critical' })
    expect(code).toBe(0)
    const { files } = JSON.parse(out)
    expect(files).toHaveLength(1)
    expect(Object.keys(files[0])).toEqual(['file', 'findings'])
    expect(Object.keys(files[0].findings[0])).toEqual([
      'kind',
      'severity',
      'title',
      'service',
      'operation',
      'fingerprint',
      'traceId',
      'spanIds',
      'evidence',
      'recoverableNsPerHour',
    ])
    expect(files[0].findings[0]).toMatchObject({
      kind: 'n-plus-one',
      service: 'harbour',
      operation: 'GET /piers',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
  })

  it('for code hosts is SARIF with the line that asks, a rule and a fingerprint that stays', async () => {
    const [first, second] = [
      await run([sick], { format: 'sarif' }),
      await run([sick], { format: 'sarif' }),
    ].map(({ out }) => JSON.parse(out))
    expect(first).toMatchObject({
      version: '2.1.0',
      $schema: expect.stringContaining('sarif-2.1.0'),
    })
    const [sarifRun] = first.runs
    const [result] = sarifRun.results
    expect(sarifRun.tool.driver.rules[result.ruleIndex].id).toBe('n-plus-one')
    expect(result).toMatchObject({
      ruleId: 'n-plus-one',
      level: 'error',
      message: { text: expect.stringContaining('GET /piers runs') },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'app/cranes.py' },
            region: { startLine: 42 },
          },
        },
      ],
      properties: { severity: 'high', service: 'harbour' },
    })
    expect(result.partialFingerprints).toEqual(second.runs[0].results[0].partialFingerprints)
  })

  it('names the trace file where the code is not told', async () => {
    const [story] = STORIES
    if (story === undefined) throw new Error('no story')
    const telemetry = tell(story, { seed: 1, style: STYLES.pythonLegacy })
    const file = write('no code.json', JSON.stringify(telemetry.toRequest()))
    const { out } = await run([file], { format: 'sarif' })
    const [result] = JSON.parse(out).runs[0].results
    expect(result.locations[0].physicalLocation.artifactLocation.uri).toMatch(
      /^file:\/\/\/.*no%20code\.json$/,
    )
  })
})

describe('a trace file', () => {
  it('may be one request, an array of them, or one a line beside other signals, packed or not', () => {
    const request = JSON.stringify(soundness())
    const metrics = '{"resourceMetrics":[]}'
    expect(readTraceFile(write('one.json', request))).toHaveLength(1)
    expect(readTraceFile(write('array.json', `[${request},${request}]`))).toHaveLength(2)
    expect(
      readTraceFile(write('lines.jsonl', `${metrics}\n${request}\n\n${request}\n`)),
    ).toHaveLength(2)
    expect(
      readTraceFile(write('pretty.json.gz', gzipSync(JSON.stringify(soundness(), null, 2)))),
    ).toHaveLength(1)
  })

  it.each([
    ['does not exist', undefined, 'ENOENT'],
    ['is empty', '', 'empty'],
    ['is not JSON', 'spans!', 'Unexpected token'],
    ['is torn within a line', '{"resourceSpans":[]}\n{"resourceSp', 'line 2'],
    ['is another document', '{"data":[]}', 'resourceSpans'],
    ['is binary', Buffer.from([0x0a, 0xff, 0xfe]), 'UTF-8'],
    ['is a torn archive', gzipSync('{"resourceSpans":[]}').subarray(0, 15), 'unexpected end'],
    [
      'holds spans that are none',
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":7}]}]}]}',
      '',
    ],
  ])('that %s is told so, with where, and exits with 2', async (what, content, where) => {
    const file = join(directory, `bad ${what}.json`)
    if (content !== undefined) writeFileSync(file, content)
    const { code, err, out } = await run([file])
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain('TRACE_FILE_UNREADABLE')
    expect(err).toContain(file)
    expect(err).toContain(where)
  })
})

it('is a command with its formats and severities', async () => {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  registerCheck(program)
  for (const command of program.commands) {
    command.exitOverride().configureOutput({ writeErr: () => {} })
  }
  await expect(
    program.parseAsync(['check', '--format', 'xml', 'a.json'], { from: 'user' }),
  ).rejects.toThrow(/Allowed choices are text, json, sarif/)
  await expect(program.parseAsync(['check'], { from: 'user' })).rejects.toThrow(/missing required/)
})

describe('a trace without its beginning', () => {
  interface Spans {
    readonly resourceSpans: readonly {
      readonly resource: unknown
      readonly scopeSpans: readonly {
        readonly spans: readonly { kind: number; parentSpanId?: string }[]
      }[]
    }[]
  }
  const within = (
    change: (span: { kind: number; parentSpanId?: string }) => object | undefined,
  ) => {
    const [first] = (repetition() as Spans).resourceSpans
    const scopeSpans = first?.scopeSpans.map(scope => ({
      ...scope,
      spans: scope.spans.flatMap(span => change(span) ?? []),
    }))
    // JSON has no order: here the resource is told behind its spans.
    return JSON.stringify({ resourceSpans: [{ scopeSpans, resource: first?.resource }] })
  }

  it('begins with its topmost span', async () => {
    const cut = within(span =>
      span.kind === 2 ? { ...span, kind: 1, parentSpanId: 'b7ad6b7169203331' } : span,
    )
    const { out } = await run([write('cut.json', cut)])
    expect(out).toContain('GET /piers runs SELECT cranes 30 times')
  })

  it('begins where its statements say when they are all that is left', async () => {
    const { out } = await run([
      write(
        'left.json',
        within(span => (span.kind === 2 ? undefined : span)),
      ),
    ])
    expect(out).toContain('(not in the file) runs SELECT cranes 30 times')
  })
})
