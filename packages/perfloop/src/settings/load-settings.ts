import { readFileSync } from 'node:fs'
import { PerfloopError } from '../domain/perfloop-error.ts'
import { describeSettings } from './describe-settings.ts'
import { Settings } from './settings.ts'

export type SettingSource = 'default' | 'file' | 'environment' | 'flag'

export interface LoadedSettings {
  readonly settings: Settings
  /** Where each value came from, by dotted key. */
  readonly sources: ReadonlyMap<string, SettingSource>
  /** Names that look like ours but are not, so that a typing error is not silent. */
  readonly warnings: readonly string[]
}

export interface SettingsInput {
  /** Path of a JSON file with any part of the settings. */
  readonly file?: string | undefined
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Dotted keys, such as `server.port`. An undefined value is a flag not given. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/** Defaults, under the file, under the environment, under the flags; checked once as a whole. */
export function loadSettings({ file, env = {}, flags = {} }: SettingsInput): LoadedSettings {
  const merged: Record<string, unknown> = {}
  const sources = new Map<string, SettingSource>()
  const descriptions = describeSettings()

  if (file !== undefined) {
    const document = readDocument(file)
    Object.assign(merged, structuredClone(document))
    for (const { key } of descriptions)
      if (valueAt(document, key) !== undefined) sources.set(key, 'file')
  }
  for (const { key, variable } of descriptions) {
    const text = env[variable]
    if (text !== undefined) {
      assign(merged, key, fromText(text))
      sources.set(key, 'environment')
    }
  }
  for (const [key, value] of Object.entries(flags)) {
    if (value !== undefined) {
      assign(merged, key, value)
      sources.set(key, 'flag')
    }
  }

  const parsed = Settings.safeParse(merged)
  if (!parsed.success) {
    throw new PerfloopError('SETTINGS_INVALID', {
      file,
      problems: parsed.error.issues.map(
        issue => `${issue.path.join('.') || '(top)'}: ${issue.message}`,
      ),
    })
  }
  for (const { key } of descriptions) if (!sources.has(key)) sources.set(key, 'default')
  return { settings: parsed.data, sources, warnings: unknownVariables(env, descriptions) }
}

function readDocument(file: string): Record<string, unknown> {
  try {
    const document: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (isRecord(document)) return document
  } catch (cause) {
    throw new PerfloopError('SETTINGS_FILE_UNREADABLE', { file, reason: String(cause) }, cause)
  }
  throw new PerfloopError('SETTINGS_FILE_UNREADABLE', {
    file,
    reason: 'the top level is not an object',
  })
}

/** Numbers, booleans, null, arrays and objects are written as JSON; anything else is a string as it stands. */
function fromText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function assign(document: Record<string, unknown>, key: string, value: unknown): void {
  const path = key.split('.')
  const last = path.pop() ?? key
  let part = document
  for (const name of path) {
    if (!isRecord(part[name])) part[name] = {}
    part = part[name] as Record<string, unknown>
  }
  part[last] = value
}

function valueAt(document: Record<string, unknown>, key: string): unknown {
  let part: unknown = document
  for (const name of key.split('.')) {
    if (!isRecord(part)) return undefined
    part = part[name]
  }
  return part
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const OTHER_VARIABLES = /^PERFLOOP_(AGENT|TOKEN|TEST|BENCH|DEMO)/

function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  descriptions: readonly { readonly variable: string }[],
): string[] {
  const known = new Set(descriptions.map(({ variable }) => variable))
  return Object.keys(env)
    .filter(name => name.startsWith('PERFLOOP_') && !known.has(name) && !OTHER_VARIABLES.test(name))
    .map(name => `${name} is not a setting; see docs/settings.md for the names`)
}
