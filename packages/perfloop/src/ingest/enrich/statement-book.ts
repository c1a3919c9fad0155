import { DictionarySymbol, symbolBytes } from '../columns/dictionary-symbol.ts'
import type { Mentioned } from '../columns/mentions.ts'
import { NativeWriter } from '../columns/native-writer.ts'
import type { OperationEntry, Service } from '../columns/service-book.ts'
import { fingerprintStatement } from '../fingerprint/fingerprint-statement.ts'
import { KnownStatements } from '../fingerprint/known-statements.ts'
import type { KeyedHash } from '../redact/keyed-hash.ts'
import { redactEmails } from '../redact/redact-text.ts'
import { commandOf, dialectOf } from './database-system.ts'
import { contentId } from './resource-identity.ts'

/** A statement pattern as the store will have it, and what is known of it here. */
export interface Pattern extends Mentioned {
  readonly symbol: DictionarySymbol
  /** The fingerprint's first 52 bits. */
  readonly number: number
  readonly dialect: string
  readonly text: string
  readonly summary: string
  readonly verb: string
  readonly models: readonly string[]
  /** The service that was last found to be within its limit with it. */
  admittedFor: Service | undefined
  /** The operation it was last counted under, and for whom. */
  classified: { readonly operation: OperationEntry; readonly category: number } | undefined
  classifiedFor: Service | undefined
  classifiedKind: number
}

/** A statement as sent: its pattern, and the keyed hash of its literals (0 when it has none). */
export interface StatementUse {
  readonly pattern: Pattern
  readonly literalsHash: number
  /** Rows that it writes by its text; 0 where that does not tell: many may be sent with a statement of one. */
  readonly writtenRows: number
  /** What it was read with: the same text means something else elsewhere. */
  readonly context: StatementContext
}

/** A statement as sent: UTF-8, and the same as a string, made when it is asked for. */
export interface StatementText {
  readonly source: Uint8Array
  readonly start: number
  readonly end: number
  readonly text: string
}

/** What a statement means, whatever its literals. */
interface KnownMeaning {
  readonly pattern: Pattern
  readonly hasPlaceholders: boolean
  readonly writtenRows: number
}

/** What the attributes beside a statement say of it. */
export interface StatementContext {
  readonly system: string
  readonly operation: string
  readonly collection: string
}

const MOST_PATTERN_BYTES = 8 * 1024 * 1024
const MOST_MODELS = 32

/** Statement patterns by fingerprint, within a bound: when it is full, it begins anew. */
export class StatementBook {
  /** By fingerprint and dialect: the same statement in another database has plans of its own. */
  private readonly patterns = new Map<string, Pattern>()
  /** One for a fingerprint, whatever its dialects: spans refer to it. */
  private readonly symbols = new Map<string, DictionarySymbol>()
  private readonly keyedHash: KeyedHash
  private readonly known = new KnownStatements<KnownMeaning>()
  private readonly scratch = new NativeWriter()
  private readonly maxTextLength: number
  private bytes = 0
  evictions = 0

  constructor(keyedHash: KeyedHash, maxTextLength: number) {
    this.keyedHash = keyedHash
    this.maxTextLength = maxTextLength
  }

  use(statement: StatementText, context: StatementContext): StatementUse {
    const { system } = context
    const dialect = dialectOf(system)
    if (dialect === undefined) return this.useCommand(statement.text, context)
    const known = this.known.find(statement.source, statement.start, statement.end, system)
    if (known !== undefined) {
      const literalsHash = known.hasPlaceholders ? 0 : this.hashKnownLiterals()
      return { pattern: known.pattern, literalsHash, writtenRows: known.writtenRows, context }
    }
    const { text } = statement
    const found = fingerprintStatement(text, dialect)
    const { hasPlaceholders, valueRows, verb } = found
    const isWrite = verb === 'INSERT' || verb === 'REPLACE'
    const writtenRows = isWrite && valueRows > 1 ? valueRows : 0
    const sentIn = system === '' ? dialect : system
    const pattern =
      this.patterns.get(keyOf(found.fingerprint, sentIn)) ??
      this.add(found.fingerprint, {
        dialect: sentIn,
        text: redactEmails(found.normalized).slice(0, this.maxTextLength),
        summary: redactEmails(found.summary),
        verb,
        models: found.tables,
      })
    this.known.add(system, text.length, found.literalPlaces, {
      pattern,
      hasPlaceholders,
      writtenRows,
    })
    // With places left for parameters, equal literals do not mean that it was asked the same.
    const literalsHash = hasPlaceholders ? 0 : this.hashTexts(found.literals)
    return { pattern, literalsHash, writtenRows, context }
  }

  /** Redis, MongoDB and their kind: verb and collection, the arguments gone. */
  private useCommand(text: string, context: StatementContext): StatementUse {
    const verb = (context.operation === '' ? commandOf(text) : context.operation).slice(0, 64)
    const hasArguments = text.trim().length > verb.length
    return {
      pattern: this.command(context.system, verb, context.collection, hasArguments),
      literalsHash: hasArguments ? this.hashTexts([text]) : 0,
      writtenRows: 0,
      context,
    }
  }

  /** A call that is known by its verb and collection only. */
  command(system: string, verb: string, collection: string, hasArguments: boolean): Pattern {
    const summary = redactEmails([verb, collection].filter(Boolean).join(' ')) || system
    const text = hasArguments ? `${summary} ?` : summary
    const fingerprint = contentId([system, text])
    return (
      this.patterns.get(keyOf(fingerprint, system)) ??
      this.add(fingerprint, {
        dialect: system,
        text,
        summary,
        verb: verb.toUpperCase(),
        models: collection === '' ? [] : [collection],
      })
    )
  }

  /** The one all statements beyond the limits are counted as. */
  other(name: string): Pattern {
    return (
      this.patterns.get(keyOf(name, '')) ??
      this.add(name, { dialect: '', text: name, summary: name, verb: '', models: [] })
    )
  }

  private add(
    fingerprint: string,
    content: Pick<Pattern, 'dialect' | 'text' | 'summary' | 'verb' | 'models'>,
  ): Pattern {
    const symbol = this.symbols.get(fingerprint) ?? new DictionarySymbol(fingerprint)
    const models = content.models.slice(0, MOST_MODELS)
    const size = 400 + symbolBytes(symbol) + 2 * (content.text.length + content.summary.length)
    if (this.bytes + size > MOST_PATTERN_BYTES) {
      this.evictions += this.patterns.size
      this.patterns.clear()
      this.symbols.clear()
      this.known.forget()
      this.bytes = 0
    }
    const pattern: Pattern = {
      ...content,
      models,
      symbol,
      number: Number.parseInt(fingerprint.slice(0, 13), 16) || 0,
      mentionedAt: 0,
      mentionEpoch: -1,
      admittedFor: undefined,
      classified: undefined,
      classifiedFor: undefined,
      classifiedKind: -1,
    }
    this.patterns.set(keyOf(fingerprint, content.dialect), pattern)
    this.symbols.set(fingerprint, symbol)
    this.bytes += size
    return pattern
  }

  private hashTexts(texts: readonly string[]): number {
    if (texts.length === 0) return 0
    this.scratch.clear()
    for (const text of texts) this.scratch.text(text)
    return this.keyedHash.of(this.scratch.bytes, 0, this.scratch.length)
  }

  /** The same hash as of their texts. */
  private hashKnownLiterals(): number {
    const { known, scratch } = this
    if (known.skeleton.literalCount === 0) return 0
    scratch.clear()
    known.eachLiteral(this.writeLiteral)
    return this.keyedHash.of(scratch.bytes, 0, scratch.length)
  }

  private readonly writeLiteral = (source: Uint8Array, start: number, end: number): void =>
    this.scratch.prefixedPart(source, start, end)

  get cacheBytes(): number {
    return this.bytes + this.known.bytes
  }
}

function keyOf(fingerprint: string, dialect: string): string {
  return `${fingerprint} ${dialect}`
}

/** Whether a statement read in one context means the same in the other. */
export function isSameContext(
  known: StatementContext,
  system: string,
  operation: string,
  collection: string,
): boolean {
  if (known.system !== system) return false
  if (dialectOf(system) !== undefined) return true
  return known.operation === operation && known.collection === collection
}
