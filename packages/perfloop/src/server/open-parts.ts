import { join, resolve } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { openSecretFile, type SecretFile } from '../api/auth/secret-file.ts'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../domain/logger.ts'
import { startReceiver } from '../ingest/receive/start-receiver.ts'
import type { Settings } from '../settings/settings.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import { openControlStore } from '../store/control/open-control-store.ts'
import {
  type OpenTelemetryStore,
  openTelemetryStore,
} from '../store/telemetry/open-telemetry-store.ts'
import { allEnded, type Closers } from './closers.ts'

export interface PartsOptions {
  readonly settings: Settings
  readonly logger: Logger
  readonly clock: Clock
}

export interface OpenParts {
  readonly dataDirectory: string
  readonly spoolDirectory: string
  readonly quarantineDirectory: string
  readonly adminToken: SecretFile
  readonly store: OpenTelemetryStore
  readonly control: ControlStore
  readonly receiver: Awaited<ReturnType<typeof startReceiver>>
}

/** What takes time and stands on nothing else: the two stores and the receiver, opened at once. */
export async function openParts(
  { settings, logger, clock }: PartsOptions,
  closers: Closers,
): Promise<OpenParts> {
  const dataDirectory = resolve(settings.server.dataDirectory)
  const spoolDirectory = join(dataDirectory, 'spool')
  const quarantineDirectory = join(dataDirectory, 'quarantine')

  // The lock of the data directory is taken before the first pause of this call. If another process has it,
  // nothing of ours may touch the directory.
  const openingStore = openTelemetryStore({ dataDirectory, settings, logger, clock })
  await Promise.race([openingStore, turn()])
  const adminToken = openSecretFile(dataDirectory, 'admin-token')
  const [store, control, receiver] = await allEnded([
    closers.own('telemetry store', openingStore, opened => opened.close()),
    closers.own(
      'control store',
      openControlStore({ dataDirectory, url: settings.store.control.url, clock }),
      opened => opened[Symbol.asyncDispose](),
    ),
    closers.own(
      'receiver',
      startReceiver({
        settings: settings.ingest,
        host: settings.server.host,
        allowedHosts: settings.server.allowedHosts,
        spoolDirectory,
        quarantineDirectory,
        measurementDays: settings.retention.measurementDays,
        parameterKey: openSecretFile(dataDirectory, 'parameter-key').secret,
        logger,
      }),
      opened => opened.close(),
    ),
  ])
  return {
    dataDirectory,
    spoolDirectory,
    quarantineDirectory,
    adminToken,
    store,
    control,
    receiver,
  }
}
