import { expect, it } from 'vitest'
import { threadedJudgePool } from '../analysis/judge-pool.ts'
import { AnalyzerSettings } from '../settings/analyzers.ts'
import { BUILT_IN_ANALYZERS, builtInJudgeWorker } from './built-in.ts'

it('judges in its worker thread what it judges here', async () => {
  await using pool = threadedJudgePool(builtInJudgeWorker())
  const window = { fromUnixNs: 0n, toUnixNs: 300_000_000_000n, offline: false }
  for (const { kind, options } of BUILT_IN_ANALYZERS) {
    const request = { kind, rows: [], window, options: options.parse({}) }
    expect(await pool.judge(request, 10_000)).toMatchObject({ status: 'judged', findings: [] })
  }
  expect(
    await pool.judge({ kind: 'no-such', rows: [], window, options: {} }, 10_000),
  ).toMatchObject({ status: 'failed' })
})

it('has its options in the settings under its kind, and a kind and words of its own', () => {
  const settings = AnalyzerSettings.parse({})
  const kinds = BUILT_IN_ANALYZERS.map(({ kind }) => kind)
  expect(new Set(kinds).size).toBe(kinds.length)
  for (const { kind, title, description } of BUILT_IN_ANALYZERS) {
    const key = kind.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    expect(Object.keys(settings)).toContain(key)
    expect(title.length * description.length).toBeGreaterThan(0)
  }
})
