import { clockMs } from '../own-clock.ts'
import { isOwnFrame } from '../own-place.ts'
import { callSites, limitStacks } from '../profile/stack-limit.ts'
import { codePosition } from '../record/code-position.ts'
import { detail } from '../record/cost-budget.ts'
import { RepeatedText } from '../record/text-table.ts'
import { asksByItself, pathOfFrame } from './database-packages.ts'

const MOST_TEXTS = 2_000
const MOST_SHAPES = 2_000
/** Longer statements are seldom, and never equal. */
const LONGEST_TEXT = 16_384
const MOST_CHARACTERS = 2 * 1024 * 1024
const MOST_PLACES = 8
/** Looked for so often in vain, a line is given up. */
const MOST_MISSES = 8
const DEEPEST_STACK = 40
/** At some 40 µs each they cost a hundredth of a second's CPU at most, however many statements there are. */
const MOST_STACKS_PER_SECOND = 250

/** What is told of a statement each time it is issued, found out once. */
export interface KnownText {
  readonly text: RepeatedText
  /** Its verb, which is all that can be told without reading it; the server finds its tables. */
  readonly name: RepeatedText
  readonly lines: IssuingLines
}

/** Where statements that differ in nothing but their literals are issued from. */
interface IssuingLines {
  /** The last place one was issued from, and the line there: mostly it is always the same one. */
  lastPlace: unknown
  lastLine: CodeLine
  readonly byPlace: Map<unknown, CodeLine>
}

export interface CodeLine {
  /** Undefined where none was found. */
  readonly file: RepeatedText | undefined
  /** See `codePosition`. */
  readonly position: number
  /** Of the application itself, and not of a package that it uses. */
  readonly isOwn: boolean
  /** How often one of its own was looked for in vain. */
  readonly misses: number
}

const NO_LINE: CodeLine = { file: undefined, position: Number.NaN, isOwn: false, misses: 0 }
const NOWHERE = Symbol('nowhere yet')

const known = new Map<string, KnownText>()
/** A statement is mostly asked for, issued and repeated in a row. */
let lastKnown: KnownText | undefined
const shapes = new Map<string, IssuingLines>()
let characters = 0
let stacks = 0
let stacksSinceMs = 0

export function knownText(text: string): KnownText {
  if (lastKnown?.text.text === text) return lastKnown
  const found = known.get(text)
  if (found !== undefined) {
    lastKnown = found
    return found
  }
  const isLong = text.length > LONGEST_TEXT
  const lines = linesOf(shapeOf(isLong ? text.slice(0, LONGEST_TEXT) : text))
  const made = { text: new RepeatedText(text), name: verbOf(text), lines }
  if (isLong) return made
  // Full of statements with their literals inside, it begins anew: those that come again are soon back.
  if (known.size >= MOST_TEXTS || characters >= MOST_CHARACTERS) {
    known.clear()
    characters = 0
  }
  known.set(text, made)
  characters += text.length
  return made
}

function linesOf(shape: string): IssuingLines {
  const found = shapes.get(shape)
  if (found !== undefined) return found
  if (shapes.size >= MOST_SHAPES) shapes.clear()
  const made = { lastPlace: NOWHERE, lastLine: NO_LINE, byPlace: new Map<unknown, CodeLine>() }
  shapes.set(shape, made)
  return made
}

/** Mappers write literals into their statements: without them there are as many as the code has. */
function shapeOf(text: string): string {
  return text.replace(/'(?:[^'\\]|''|\\.)*'|\b\d[\d.]*\b/gs, '?').replace(/\?(?:\s*,\s*\?)+/g, '?')
}

/**
 * The line of the application that issued a statement: the first frame outside packages and Node, or else the first one
 * in a package that asks the database by itself. A stack costs tens of microseconds, so it is taken once for each statement
 * and place (a route), not for each call.
 */
export function issuingLine({ lines }: KnownText, place: unknown): CodeLine {
  if (lines.lastPlace === place) return lines.lastLine
  let line = lines.byPlace.get(place)
  if (line === undefined || isOpen(line)) {
    if (line === undefined && lines.byPlace.size >= MOST_PLACES) return onlyLine(lines)
    if (!detail.isKept || !mayTakeStack()) return NO_LINE
    const misses = (line?.misses ?? 0) + 1
    const found = callingLine()
    line = found?.isOwn ? found : { ...(found ?? line ?? NO_LINE), misses }
    lines.byPlace.set(place, line)
    if (isOpen(line)) return line
  }
  lines.lastPlace = place
  lines.lastLine = line
  return line
}

/**
 * To be called where the promise of a statement is being answered to whoever waits for it, if `issuingLine` did not
 * find out: a query builder that is awaited issues its statement with none of the application's code on the stack, but
 * those who wait for its promise are told of then.
 */
export function awaitingLine({ lines }: KnownText, place: unknown): void {
  const known = lines.byPlace.get(place)
  if (known?.isOwn || lines.byPlace.size > MOST_PLACES || !mayTakeStack()) return
  const found = callingLine()
  if (found === undefined || (!found.isOwn && known?.file !== undefined)) return
  const line = { ...found, misses: known?.misses ?? 0 }
  lines.byPlace.set(place, line)
  if (lines.lastPlace === place) lines.lastLine = line
}

/** Whether whoever waits for it need not be asked any more. */
export function isSettled(line: CodeLine): boolean {
  return line.file !== undefined && !isOpen(line)
}

/** Where somebody else has found out. */
export function giveLine({ lines }: KnownText, place: unknown, line: CodeLine): void {
  if (lines.byPlace.size >= MOST_PLACES && !lines.byPlace.has(place)) return
  lines.byPlace.set(place, line)
  lines.lastPlace = place
  lines.lastLine = line
}

function isOpen({ isOwn, misses }: CodeLine): boolean {
  return !isOwn && misses < MOST_MISSES
}

/** Of a statement that is issued from more places than are kept: all of them most likely call one function. */
function onlyLine({ byPlace }: IssuingLines): CodeLine {
  let only: CodeLine | undefined
  for (const line of byPlace.values()) {
    if (only !== undefined && !isSameLine(line, only)) return NO_LINE
    only = line
  }
  return only ?? NO_LINE
}

function isSameLine(one: CodeLine, other: CodeLine): boolean {
  return one.file?.text === other.file?.text && one.position === other.position
}

function mayTakeStack(): boolean {
  const now = clockMs()
  if (now - stacksSinceMs >= 1_000) {
    stacksSinceMs = now
    stacks = 0
  }
  return stacks++ < MOST_STACKS_PER_SECOND
}

/** `at name (file:line:column)` or `at file:line:column`; a name may have anything in it. */
const FRAME = /^\s+at (?:.* \(|async )?((?:file:\/\/|\/|[A-Z]:\\).+):(\d+):(\d+)\)?$/

function callingLine(): CodeLine | undefined {
  const limit = Error.stackTraceLimit
  let stack: unknown
  const isDeep = limitStacks(DEEPEST_STACK)
  try {
    // Read here: it is written when it is first asked for.
    stack = new Error().stack
  } finally {
    if (isDeep) limitStacks(limit)
  }
  const line = lineOfStack(stack)
  return line ?? (isDeep ? undefined : ownLineOf(callSites(DEEPEST_STACK)))
}

/** The first frame of the application's own, or else of a package that asks the database by itself. */
export function lineOfStack(stack: unknown): CodeLine | undefined {
  return typeof stack === 'string' ? ownLineOf(stack.split('\n')) : undefined
}

function ownLineOf(stack: readonly string[]): CodeLine | undefined {
  let ofPackage: CodeLine | undefined
  for (const line of stack) {
    if (line.includes('node:') || isOwnFrame(line) || COPIED_RUNTIME.test(line)) continue
    const isOwn = !line.includes('node_modules')
    if (!isOwn && ofPackage !== undefined) continue
    const [, file, number, column] = FRAME.exec(line) ?? []
    if (file === undefined) continue
    const position = codePosition(Number(number), Number(column))
    if (isOwn) return codeLine(file, position, isOwn)
    if (asksByItself(file)) ofPackage = codeLine(file, position, isOwn)
  }
  return ofPackage
}

function codeLine(file: string, position: number, isOwn: boolean): CodeLine {
  // By way of bytes: a part of a text keeps all of it in memory.
  const path = Buffer.from(pathOfFrame(file)).toString()
  return { file: new RepeatedText(path), position, isOwn, misses: 0 }
}

/** Prisma copies its own into the clients that it generates among the application's files. */
const COPIED_RUNTIME = /[\\/]runtime[\\/](?:client|library|binary)\.m?js:/

function verbOf(text: string): RepeatedText {
  return new RepeatedText(/^\s*([A-Za-z]{1,16})/.exec(text)?.[1]?.toUpperCase() ?? 'SQL')
}
