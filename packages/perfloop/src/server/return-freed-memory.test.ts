import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { builtEntry } from '../domain/built-entry.ts'

/** A program that frees seven of eight blocks, so that the heap's end cannot shrink. */
const FRAGMENTED = `
  const { returnFreedMemory } = await import(process.argv[1])
  let blocks = Array.from({ length: 4_000 }, () => Buffer.allocUnsafeSlow(20_000).fill(1))
  blocks = blocks.filter((_, index) => index % 8 === 0)
  globalThis.gc()
  await new Promise(resolve => setTimeout(resolve, 500))
  const before = process.memoryUsage.rss()
  returnFreedMemory()
  returnFreedMemory()
  const areWhole = blocks.every(block => block.every(byte => byte === 1))
  console.log(JSON.stringify({ returned: before - process.memoryUsage.rss(), areWhole }))
`

const isGlibc =
  process.platform === 'linux' && 'glibcVersionRuntime' in Object(process.report.getReport()).header

it.runIf(isGlibc)(
  'gives back what lies freed between blocks in use, and leaves these alone',
  () => {
    const { href } = builtEntry(import.meta.url, './return-freed-memory.ts')
    const options = ['--expose-gc', '--input-type=module', '-e', FRAGMENTED, href]
    const { returned, areWhole } = JSON.parse(
      execFileSync(process.execPath, options, { encoding: 'utf8' }),
    )
    expect(areWhole).toBe(true)
    expect(returned).toBeGreaterThan(20_000_000)
  },
)
