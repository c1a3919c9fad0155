import { routeTemplate } from './route-template.ts'
import { classifySegment } from './segment-class.ts'

/** Longer names are cut: an operation's name is a key of every rollup. */
const LONGEST_NAME = 255
/** Numbers shorter than this may be a version, a status or a shard. */
const FEWEST_DIGITS = 4

/**
 * A span name that its instrumentation did not keep low in cardinality: `GET /orders/42` becomes
 * `GET /orders/:id`, `import 550e8400-…` becomes `import :id`. Names without ids come back as they are.
 */
export function foldOperationName(name: string): string {
  const cut = name.length > LONGEST_NAME ? name.slice(0, LONGEST_NAME) : name
  if (!mayHoldId(cut)) return cut
  return cut.split(' ').map(foldWord).join(' ')
}

/** Cheap refusal: without a digit, an @ or a question mark there is nothing to fold. */
function mayHoldId(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if ((code >= 48 && code <= 57) || code === 64 || code === 63) return true
  }
  return false
}

function foldWord(word: string): string {
  if (word.charCodeAt(0) === 47) return routeTemplate(word)
  if (word.includes('://')) {
    const slash = word.indexOf('/', word.indexOf('://') + 3)
    return slash < 0 ? word : word.slice(0, slash) + routeTemplate(word.slice(slash))
  }
  const found = classifySegment(word)
  if (found === 'id') return isSmallNumber(word) ? word : ':id'
  if (found !== 'word') return `:${found}`
  return foldParts(word)
}

/** `job:1042:retry` → `job:…:retry` with the number folded; identifiers with digits stay. */
function foldParts(word: string): string {
  const parts = word.split(/([:#=/,()[\]])/)
  if (parts.length === 1) return foldTail(word)
  for (let i = 0; i < parts.length; i += 2) {
    const part = parts[i] ?? ''
    const found = classifySegment(part)
    if (part !== '' && found !== 'word' && !isSmallNumber(part)) parts[i] = `{${found}}`
    else parts[i] = foldTail(part)
  }
  return parts.join('')
}

/** `worker-20931` → `worker-{id}`: a number behind the last separator. */
function foldTail(part: string): string {
  const cut = Math.max(part.lastIndexOf('-'), part.lastIndexOf('_'), part.lastIndexOf('.'))
  if (cut <= 0) return part
  const tail = part.slice(cut + 1)
  return classifySegment(tail) === 'id' && !isSmallNumber(tail)
    ? `${part.slice(0, cut + 1)}{id}`
    : part
}

function isSmallNumber(text: string): boolean {
  return text.length < FEWEST_DIGITS
}
