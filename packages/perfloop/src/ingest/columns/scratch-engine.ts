import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Session } from 'chdb'
import { defaultSettings, type Settings } from '../../settings/settings.ts'
import {
  type RebuiltSpan,
  rebuildAttributes,
  type StoredShape,
} from '../../store/telemetry/rebuild-attributes.ts'
import { NOW_MS } from '../decode/otlp-fixture.ts'
import { otlpJsonToProtobuf } from '../decode/otlp-json.ts'
import type { IngestBuffer, IngestOutcome, NativeBlock, Signal } from '../ingest-buffer.ts'
import { createIngestBuffer } from './create-ingest-buffer.ts'

const SCHEMA = fileURLToPath(new URL('../../store/telemetry/schema/', import.meta.url))
const TABLES = [
  'spans',
  'resources',
  'shapes',
  'patterns',
  'performance_metrics',
  'metric_points',
  'logs',
] as const

/** A row of any query; tests say what they expect in it. */
// biome-ignore lint/suspicious/noExplicitAny: the assertion beside each query is its type
export type AnyRow = Record<string, any>

/** The real engine with the real tables, in a folder of its own, for tests of what is stored. */
export class ScratchEngine {
  private readonly directory = mkdtempSync(join(tmpdir(), 'perfloop-ingest-'))
  private readonly session = new Session(join(this.directory, 'db'))

  constructor() {
    this.session.query('SET output_format_json_quote_64bit_integers = 1')
    for (const file of readdirSync(SCHEMA).filter(name => /^000[1457]/.test(name))) {
      const text = readFileSync(join(SCHEMA, file), 'utf8').replace(/^--.*$/gm, '')
      for (const statement of text.split(/;\s*$/m)) {
        if (statement.trim() !== '') this.session.query(statement)
      }
    }
  }

  truncate(): void {
    for (const table of TABLES) this.session.query(`TRUNCATE TABLE ${table}`)
  }

  query(sql: string): AnyRow[] {
    const lines = this.session.query(sql, 'JSONEachRow').split('\n')
    return lines.filter(Boolean).map(line => JSON.parse(line))
  }

  /** Inserts the blocks; answers columns whose type in the block is not the table's, which should be none. */
  load(blocks: readonly NativeBlock[]): string[] {
    return blocks.flatMap(block => {
      const path = join(this.directory, `${block.table}.native`)
      writeFileSync(path, block.bytes)
      const columns = block.columns.join(', ')
      this.session.query(
        `INSERT INTO ${block.table} (${columns}) SELECT ${columns} FROM file('${path}', 'Native')`,
      )
      const types = new Map(
        this.query(
          `SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = '${block.table}'`,
        ).map(row => [row.name, row.type]),
      )
      return this.query(`DESCRIBE file('${path}', 'Native')`)
        .filter(({ name, type }) => types.get(name) !== type)
        .map(({ name, type }) => `${block.table}.${name}: ${type}, not ${types.get(name)}`)
    })
  }

  /** All spans in the order of their start. */
  spans(): AnyRow[] {
    return this.query(
      'SELECT *, span_id, parent_span_id, entry_span_id FROM spans ORDER BY start_unix_ns, hex(span_id)',
    )
  }

  rebuilt(span: AnyRow): RebuiltSpan {
    const [shape] = this.query(`SELECT * FROM shapes WHERE shape = '${span.shape}' LIMIT 1`)
    const [pattern] = this.query(
      `SELECT text FROM patterns WHERE statement = '${span.statement}' LIMIT 1`,
    )
    if (shape === undefined) throw new Error(`span without its shape ${span.shape}`)
    return rebuildAttributes(shape as StoredShape, span.attribute_values, pattern?.text)
  }

  [Symbol.dispose](): void {
    this.session.cleanup()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** A buffer whose clock stands at NOW_MS. */
export function scratchBuffer(
  changes: Partial<Settings['ingest']> = {},
  nowUnixMs = () => NOW_MS,
): IngestBuffer {
  return createIngestBuffer({
    settings: { ...defaultSettings().ingest, ...changes },
    measurementDays: 7,
    parameterKey: new Uint8Array(16).fill(9),
    clock: { nowUnixMs },
  })
}

export function sendProtobuf(buffer: IngestBuffer, signal: Signal, request: object): IngestOutcome {
  const body = otlpJsonToProtobuf(signal, Buffer.from(JSON.stringify(request)))
  return buffer.add(signal, 'protobuf', body, { receivedUnixMs: NOW_MS })
}
