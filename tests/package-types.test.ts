import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

const USE = `
import { type AgentOptions, defineKnob, identifyWebSocketUsers, startAgent, type WebSocketUser } from '@perfloop/agent'
import { type BrowserOptions, startBrowserAgent } from '@perfloop/agent/browser'
import { ApiFailure, createPerfloopClient, openLiveStream, type Trace } from '@perfloop/client'

const options: AgentOptions = { serviceName: 'shop' }
const browserOptions: BrowserOptions = { endpoint: 'https://perfloop.example', serviceName: 'shop' }
startAgent(options)
startBrowserAgent(browserOptions)
export const traceOf = async (): Promise<string | undefined> => {
  try {
    createPerfloopClient({ fault: 1 })
  } catch (error) {
    if (error instanceof ApiFailure) return error.message
  }
}
export type User = WebSocketUser | Trace
export const all = { defineKnob, identifyWebSocketUsers, openLiveStream }
`

/** What `require` is said to give is what `import` gives, name by name. */
const SAME = `
import agent = require('@perfloop/agent')
import browser = require('@perfloop/agent/browser')
import client = require('@perfloop/client')
type OfEsModule<Required, Imported> = keyof Required extends keyof Imported ? keyof Imported extends keyof Required ? true : false : false
export const same: [
  OfEsModule<typeof agent, typeof import('@perfloop/agent', { with: { 'resolution-mode': 'import' } })>,
  OfEsModule<typeof browser, typeof import('@perfloop/agent/browser', { with: { 'resolution-mode': 'import' } })>,
  OfEsModule<typeof client, typeof import('@perfloop/client', { with: { 'resolution-mode': 'import' } })>,
] = [true, true, true]
`

let project = ''

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'perfloop-types-'))
  mkdirSync(join(project, 'node_modules/@perfloop'), { recursive: true })
  for (const name of ['agent', 'client']) {
    symlinkSync(join(root, 'packages', name), join(project, 'node_modules/@perfloop', name))
  }
  symlinkSync(join(root, 'node_modules/@types'), join(project, 'node_modules/@types'))
  writeFileSync(join(project, 'package.json'), '{ "type": "commonjs" }')
  writeFileSync(join(project, 'commonjs.ts'), USE)
  writeFileSync(join(project, 'required.cts'), USE + SAME)
  writeFileSync(join(project, 'imported.mts'), USE)
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

it.each([
  ['node16', 'node16', ['commonjs.ts', 'required.cts', 'imported.mts']],
  ['nodenext', 'nodenext', ['commonjs.ts', 'required.cts', 'imported.mts']],
  ['preserve', 'bundler', ['commonjs.ts', 'imported.mts']],
])('the packages have types for whoever compiles with module %s', (module, resolution, files) => {
  const { stdout } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/typescript/bin/tsc'),
      ...['--noEmit', '--strict', '--target', 'es2023', '--lib', 'es2023,dom,dom.iterable'],
      ...['--types', 'node', '--module', module, '--moduleResolution', resolution, ...files],
    ],
    { cwd: project, encoding: 'utf8' },
  )
  // The compiler does look: what is wrong on purpose is all that it finds.
  const faults = stdout.split('\n').filter(line => line.includes('error'))
  expect(faults.filter(line => !line.includes("'fault'"))).toEqual([])
  expect(faults).toHaveLength(files.length)
})
