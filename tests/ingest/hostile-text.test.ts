import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHealthyRepetition } from '../../packages/perfloop/src/analyzers/n-plus-one/healthy-repetition.ts'
import {
  isNamedInKey,
  type RepeatedStatement,
} from '../../packages/perfloop/src/analyzers/n-plus-one/parent-statement.ts'
import { statementClass } from '../../packages/perfloop/src/analyzers/slow-statement/statement-class.ts'
import { durationNs } from '../../packages/perfloop/src/domain/duration.ts'
import { hostOf } from '../../packages/perfloop/src/ingest/enrich/operation-name.ts'
import { samplingWeight } from '../../packages/perfloop/src/ingest/enrich/sampling-weight.ts'
import { meaningOf } from '../../packages/perfloop/src/ingest/enrich/semantic-keys.ts'
import { fingerprintStatement } from '../../packages/perfloop/src/ingest/fingerprint/fingerprint-statement.ts'
import { foldOperationName } from '../../packages/perfloop/src/ingest/fingerprint/fold-operation-name.ts'
import { redactUrl } from '../../packages/perfloop/src/ingest/fingerprint/redact-url.ts'
import { routeTemplate } from '../../packages/perfloop/src/ingest/fingerprint/route-template.ts'
import { redactText } from '../../packages/perfloop/src/ingest/redact/redact-text.ts'
import { redactName, redactValue } from '../../packages/perfloop/src/ingest/redact/redact-value.ts'
import { toExplainable } from '../../packages/perfloop/src/targets/explainable-statement.ts'

const repetition = (text: string, kind: 'server' | 'internal') => {
  const row: Partial<RepeatedStatement> = {
    text,
    kind,
    mean_call_ns: durationNs(1),
    neighbours: [],
  }
  const options = { batchWriteMs: 1, embeddedBatchWriteMs: 1 }
  return isHealthyRepetition(row as RepeatedStatement, undefined, options)
}

/** Whatever reads a text that a stranger sent. */
const READERS: readonly (readonly [string, (text: string) => unknown])[] = [
  ['healthy repetition of a request', text => repetition(text, 'server')],
  ['healthy repetition of a job', text => repetition(text, 'internal')],
  ['parent statement', text => isNamedInKey({ summary: 'SELECT orders' } as never, text)],
  ['class of a statement', text => statementClass({ text, verb: 'SELECT' } as never)],
  ['PostgreSQL', text => fingerprintStatement(text, 'postgresql')],
  ['MySQL', text => fingerprintStatement(text, 'mysql')],
  ['SQLite', text => fingerprintStatement(text, 'sqlite')],
  ['SQL Server', text => fingerprintStatement(text, 'mssql')],
  ['Oracle', text => fingerprintStatement(text, 'oracle')],
  ['free text', redactText],
  ['span name', redactName],
  ['any other value', text => redactValue('keep', text)],
  ['operation name', foldOperationName],
  ['URL', redactUrl],
  ['route', routeTemplate],
  ['host', hostOf],
  ['attribute key', meaningOf],
  ['trace state', samplingWeight],
]

const PREFIXES = [
  '',
  'select ',
  'order by x limit ? ',
  'https://',
  'ot=',
  'insert into a ',
  'update a set ',
  'with a (',
  'insert ',
  'explain ',
  "x = '",
]
const PIECES = [
  ...['a', 'a ', 'a.', '"a"', '[a', '[a]', '`', '"', "'", "''", '\\', "q'[", '$', '$$', '$a$'],
  ...[
    'order by ',
    'order by a ',
    'limit ',
    'offset ',
    'offset  ',
    'group by ',
    'from a, ',
    'join ',
  ],
  ...['a < ?', 'a < ? order by ', '= ', '=', '=(', 'in (', 'in ( ', '(', ')', ',', ';', ' ', '\t'],
  ...['--', '--x\n', '/*', '*/', '#', '\n', '@', 'a@', 'a@b.', '%40', '%', '%2', '%('],
  ...['1', '1 ', '1-', '1.', '123-', '0x', '1e', '-', '--password ', 'password=', 'token '],
  ...['bearer ', 'eyJ', 'eyJaaaaaaaa.', 'Key (', 'Key (a)=(', 'dup key: {', 'input syntax "'],
  ...['&a=', '?a=', 'http://', '://a:b@', '/', '/1', ':', ':1:', '.metadata.', '.metadata.auth'],
  ...[',ot=', 'ot=;', ',', 'th:', '{"a":', 'é', '😀', '\0', 'select ', '(select ', 'values ('],
  ...['analyze ', 'or a ', 'set ', 'using '],
]
const TAILS = ['', '!x', '(', '"', "'"]

const SHORT = 12_000
const FACTOR = 4
/** Below, nothing was lost, and nothing can be told. */
const NOTICEABLE_MS = 8
/** Four times the text: four times the time when it is linear, sixteen times when it is quadratic. */
const WORST_RATIO = 9

function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  return process.cpuUsage(before).user / 1_000
}

/** Repeated where something else on this machine, or the collector of garbage, may have got in between. */
function isLinear(read: (text: string) => unknown, textOf: (length: number) => string): boolean {
  const short = textOf(SHORT)
  const long = textOf(SHORT * FACTOR)
  for (let attempt = 0; attempt < 4; attempt++) {
    const longMs = cpuMs(() => read(long))
    if (longMs < NOTICEABLE_MS || longMs < cpuMs(() => read(short)) * WORST_RATIO) return true
  }
  return false
}

describe('a text that a stranger sent', () => {
  it('is read in a time that grows with its length and no faster, whatever it is made of', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...READERS),
        fc.constantFrom(...PREFIXES),
        fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 2 }),
        fc.constantFrom(...TAILS),
        ([, read], prefix, pieces, tail) => {
          const piece = pieces.join('')
          const textOf = (length: number) => prefix + piece.repeat(length / piece.length) + tail
          expect(isLinear(read, textOf)).toBe(true)
        },
      ),
      {
        numRuns: 1_500,
        examples: [
          [['', text => repetition(text, 'server')], '', ['order by '], ''],
          [['', text => repetition(text, 'server')], 'order by x limit ? ', ['a'], ''],
          [['', text => repetition(text, 'server')], 'order by x limit ? ', ['a < ?'], ''],
          [['', text => repetition(text, 'server')], 'order by x limit ? =', [' '], '!'],
          [['', meaningOf], '', ['.metadata.'], ''],
          [['', redactText], '', ['--', 'eyJ'], ''],
        ],
      },
    )
  })

  it.each(['[a', '`', 'limit ?,', "q'[", '(a) ', 'is ', 'interval '])(
    'is made explainable in such a time: %s',
    async piece => {
      const limits = { limitRows: 50 }
      const explain = async (length: number) => {
        const text = `select ${piece.repeat(length / piece.length)}`
        const before = process.cpuUsage()
        await toExplainable(text, 'sqlite', limits)
        return process.cpuUsage(before).user / 1_000
      }
      await explain(100)
      expect(await explain(32_000)).toBeLessThan(
        Math.max(150, (await explain(8_000)) * WORST_RATIO),
      )
    },
  )
})
