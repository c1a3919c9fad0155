import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultSettings, type Settings } from '../../settings/settings.ts'
import { type OpenTelemetryStore, openTelemetryStore } from './open-telemetry-store.ts'

/** A real store in a folder of its own, with a clock that tests move. For tests. */
export interface ScratchStore {
  readonly store: OpenTelemetryStore
  readonly directory: string
  setNow(unixMs: number): void
  /** Closes the store and opens it again on the same data. */
  reopen(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export async function openScratchStore(
  options: {
    readonly nowUnixMs?: number
    readonly settings?: (settings: Settings) => Settings
  } = {},
): Promise<ScratchStore> {
  const directory = mkdtempSync(join(tmpdir(), 'perfloop-store-'))
  const settings = options.settings?.(defaultSettings()) ?? defaultSettings()
  let nowUnixMs = options.nowUnixMs ?? Date.now()
  const clock = { nowUnixMs: () => nowUnixMs }
  const open = () => openTelemetryStore({ dataDirectory: directory, settings, clock })
  let store = await open()
  return {
    get store() {
      return store
    },
    directory,
    setNow(unixMs) {
      nowUnixMs = unixMs
    },
    async reopen() {
      await store.close()
      store = await open()
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
