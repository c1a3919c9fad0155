import { classifySegment, type SegmentClass } from './segment-class.ts'

/** Routes longer than this are cut: nothing readable is that long, and names are stored per operation. */
const LONGEST_ROUTE = 512
/** A slug keeps its words when it has this many at most (`order-10042` → `order-:id`). */
const MOST_SLUG_WORDS = 2
/** A number in a slug is an id from this many digits on: `iphone-15-pro` keeps its name. */
const FEWEST_SLUG_DIGITS = 4
const LONGEST_EXTENSION = 5
/** Shortest build hash that bundlers put in file names. */
const SHORTEST_FILE_HASH = 8

const NAMES = { id: ':id', date: ':date', email: ':email', ip: ':ip' } as const satisfies Record<
  Exclude<SegmentClass, 'word'>,
  string
>

/**
 * The route behind a path, for spans without `http.route`: `/orders/42?page=2` → `/orders/:id`.
 * Words, versions (`/v2`) and dotted method names stay; what identifies one thing is folded.
 * Idempotent, linear in the length of the path.
 */
export function routeTemplate(path: string): string {
  const bare = pathOnly(path)
  let route = ''
  for (const segment of bare.split('/')) {
    const folded = foldSegment(segment)
    if (folded === '') continue
    route += `/${folded}`
    if (route.length > LONGEST_ROUTE) return `${route.slice(0, LONGEST_ROUTE - 1)}…`
  }
  return route === '' ? '/' : route
}

function pathOnly(path: string): string {
  let from = 0
  const scheme = path.indexOf('://')
  if (scheme > 0 && scheme < 12) {
    const slash = path.indexOf('/', scheme + 3)
    from = slash < 0 ? path.length : slash
  }
  let to = path.length
  for (let i = from; i < to; i++) {
    const code = path.charCodeAt(i)
    if (code === 63 || code === 35) to = i
  }
  return path.slice(from, Math.min(to, from + 4 * LONGEST_ROUTE))
}

function foldSegment(written: string): string {
  const semicolon = written.indexOf(';')
  const segment = semicolon < 0 ? written : written.slice(0, semicolon)
  if (isTemplate(segment)) return segment
  if (segment.charCodeAt(0) === 64 && segment.length > 1) return '@:name'

  const decoded = segment.includes('%') ? decode(segment) : segment
  const file = foldFile(segment)
  if (file !== undefined) return file
  const found = classifySegment(decoded)
  return found === 'word' ? foldSlug(segment) : NAMES[found]
}

/** `:id`, `{id}`, `<int:id>`, `[id]`, `*`: somebody named it already. */
function isTemplate(segment: string): boolean {
  const first = segment.charCodeAt(0)
  return (
    first === 58 ||
    first === 42 ||
    segment.includes(':id') ||
    segment.includes(':hash') ||
    ((first === 123 || first === 60 || first === 91) && classifySegment(segment) === 'word')
  )
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** `app.3f9a8c2d.js` → `app.:hash.js`, `1042.pdf` → `:id.pdf`; undefined when it is no file with an id. */
function foldFile(segment: string): string | undefined {
  const dot = segment.lastIndexOf('.')
  const extension = segment.slice(dot + 1)
  if (dot <= 0 || !isExtension(extension) || segment.includes('@')) return undefined

  const base = segment.slice(0, dot)
  const cut = Math.max(base.lastIndexOf('.'), base.lastIndexOf('-'), base.lastIndexOf('_'))
  if (
    cut > 0 &&
    isFileHash(base.slice(cut + 1)) &&
    classifySegment(base.slice(0, cut)) === 'word'
  ) {
    return `${base.slice(0, cut + 1)}:hash.${extension}`
  }
  const found = classifySegment(base)
  return found === 'word' ? undefined : `${NAMES[found]}.${extension}`
}

function isExtension(text: string): boolean {
  if (text.length === 0 || text.length > LONGEST_EXTENSION) return false
  let letters = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i) | 32
    if (code >= 97 && code <= 122) letters++
    else if (code < 48 || code > 57) return false
  }
  return letters * 2 >= text.length
}

/** At least eight letters and digits, both present or with both cases mixed inside. */
function isFileHash(text: string): boolean {
  if (text.length < SHORTEST_FILE_HASH) return false
  let digits = 0
  let innerUppers = 0
  let lowers = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 48 && code <= 57) digits++
    else if (code >= 65 && code <= 90) innerUppers += i > 0 ? 1 : 0
    else if (code >= 97 && code <= 122) lowers++
    else return false
  }
  return digits > 0 ? true : innerUppers >= 2 && lowers >= 2
}

/** `order-10042` → `order-:id`; a long slug with an id in it is one thing: `:slug`. */
function foldSlug(segment: string): string {
  if (!hasDigitRun(segment, FEWEST_SLUG_DIGITS)) return segment
  const parts = segment.split(/([-_.:,~])/)
  let words = 0
  let ids = 0
  for (let i = 0; i < parts.length; i += 2) {
    const part = parts[i] ?? ''
    if (part === '') continue
    if (isSlugId(part)) {
      parts[i] = ':id'
      ids++
    } else words++
  }
  if (ids === 0) return segment
  return words > MOST_SLUG_WORDS ? ':slug' : parts.join('')
}

function isSlugId(part: string): boolean {
  if (classifySegment(part) !== 'id') return false
  return hasDigitRun(part, FEWEST_SLUG_DIGITS) || part.length >= SHORTEST_FILE_HASH
}

function hasDigitRun(text: string, length: number): boolean {
  let run = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    run = code >= 48 && code <= 57 ? run + 1 : 0
    if (run >= length) return true
  }
  return false
}
