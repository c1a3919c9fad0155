// Line coverage over all source files, as one number: what the tests ran in their own process (coverage-final.json)
// together with what the child processes they started ran (V8's raw files, mapped back through source maps).
// Fails below the promised share (TST-19).
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping'

const PROMISED_RATIO = 0.9
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const inProcess = JSON.parse(readFileSync(join(root, 'coverage/coverage-final.json'), 'utf8'))
const inChildren = linesRunByChildren(process.argv[2])

let lines = 0
let covered = 0
const files = []
for (const [path, file] of Object.entries(inProcess)) {
  const hits = new Map()
  for (const [id, { start }] of Object.entries(file.statementMap)) {
    hits.set(start.line, Math.max(hits.get(start.line) ?? 0, file.s[id]))
  }
  const elsewhere = inChildren.get(path) ?? new Set()
  const fileCovered = [...hits].filter(([line, count]) => count > 0 || elsewhere.has(line)).length
  lines += hits.size
  covered += fileCovered
  files.push({ path: relative(root, path), lines: hits.size, missing: hits.size - fileCovered })
}

files.sort((a, b) => b.missing - a.missing)
for (const { path, lines: total, missing } of files.slice(0, 15)) {
  if (missing > 0)
    console.log(
      `${String(missing).padStart(5)} of ${String(total).padStart(4)} lines not run  ${path}`,
    )
}
const ratio = covered / lines
console.log(
  `${covered} of ${lines} lines run in ${files.length} files: ${(ratio * 100).toFixed(1)} %`,
)
process.exit(ratio >= PROMISED_RATIO ? 0 : 1)

function linesRunByChildren(directory) {
  const byFile = new Map()
  if (directory === undefined || !existsSync(directory)) return byFile
  for (const name of readdirSync(directory)) {
    let raw
    try {
      raw = JSON.parse(readFileSync(join(directory, name), 'utf8'))
    } catch {
      continue // A child that was killed while it wrote.
    }
    for (const script of raw.result) {
      if (!script.url.startsWith('file://') || !script.url.includes('/dist/')) continue
      const built = fileURLToPath(script.url)
      if (!existsSync(`${built}.map`)) continue
      addLines(byFile, built, script.functions)
    }
  }
  return byFile
}

function addLines(byFile, built, functions) {
  const code = readFileSync(built, 'utf8')
  // Ranges are nested: an inner one overrides the outer one it lies in, so paint them from large to small.
  const ran = new Uint8Array(code.length)
  const ranges = functions.flatMap(({ ranges: inner }) => inner)
  ranges.sort((a, b) => b.endOffset - b.startOffset - (a.endOffset - a.startOffset))
  for (const { startOffset, endOffset, count } of ranges)
    ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)

  const map = new TraceMap(readFileSync(`${built}.map`, 'utf8'))
  let offset = 0
  code.split('\n').forEach((line, index) => {
    for (let column = line.search(/\S/); column >= 0 && column < line.length; column += 4) {
      if (ran[offset + column] === 0) continue
      const { source, line: original } = originalPositionFor(map, { line: index + 1, column })
      if (source === null) continue
      const path = resolve(dirname(built), source)
      const set = byFile.get(path) ?? new Set()
      set.add(original)
      byFile.set(path, set)
    }
    offset += line.length + 1
  })
}
