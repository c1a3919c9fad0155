import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { columnOf, lineOf } from '../record/code-position.ts'
import { findOriginal, type SourceMap } from './source-map.ts'

/** What is longer stays in the thread's memory too long. */
const LONGEST_MAP_BYTES = 4 * 1024 * 1024
const MOST_FILES = 1_000
const MOST_LINES = 5_000

export interface CodeLine {
  readonly file: string
  readonly line: number
}

/**
 * The line that somebody wrote, of one that a compiler or a bundler made of it and has put a source map beside. Each is
 * looked for once; no map is kept.
 */
export class OriginalLines {
  readonly #withoutMap = new Set<string>()
  readonly #known = new Map<string, CodeLine | undefined>()

  /** Undefined where it is the line itself. */
  find(file: string, position: number): CodeLine | undefined {
    if (this.#withoutMap.has(file)) return undefined
    const key = `${file}:${position}`
    if (this.#known.has(key)) return this.#known.get(key)
    if (this.#known.size >= MOST_LINES) this.#known.clear()
    const original = this.#read(file, position)
    this.#known.set(key, original)
    return original
  }

  #read(file: string, position: number): CodeLine | undefined {
    try {
      const path = `${file}.map`
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat === undefined || stat.size > LONGEST_MAP_BYTES) {
        if (this.#withoutMap.size >= MOST_FILES) this.#withoutMap.clear()
        this.#withoutMap.add(file)
        return undefined
      }
      const map = JSON.parse(readFileSync(path, 'utf8')) as SourceMap
      const original = findOriginal(map, lineOf(position), columnOf(position))
      return original && { file: pathOf(original.source, path), line: original.line }
    } catch {
      // No map that anybody could read: the line stays as it is.
      return undefined
    }
  }
}

/** `../src/app.ts`, percent-encoded; `webpack://shop/./src/app.ts` of bundlers, which tell no folder. */
function pathOf(source: string, map: string): string {
  if (source.startsWith('file:')) return fileURLToPath(source)
  const [, within] = /^[a-z][\w+.-]*:\/\/[^/]*\/(?:\[project\]\/|\.\/)?(.+)$/i.exec(source) ?? []
  return within ?? resolve(dirname(map), decodeURIComponent(source))
}
