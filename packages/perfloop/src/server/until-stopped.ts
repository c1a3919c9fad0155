import type { Logger } from '../domain/logger.ts'

interface Stoppable {
  close(): Promise<void>
}

export interface StopOptions {
  /** How long closing may take before the process ends anyway. */
  readonly shutdownMs: number
  readonly logger: Logger
  readonly signals?: Pick<NodeJS.Process, 'on' | 'off'>
  readonly exit?: (code: number) => void
}

/** Resolves when a signal has asked to stop and everything is closed. A second signal, or too long a close, ends at once. */
export function untilStopped(server: Stoppable, options: StopOptions): Promise<void> {
  const { shutdownMs, logger, signals = process, exit = code => process.exit(code) } = options
  return new Promise((resolve, reject) => {
    let isStopping = false
    const stop = (signal: NodeJS.Signals) => {
      if (isStopping) {
        logger.warn({ signal }, 'stopped at once; what was acknowledged is in the spool')
        exit(1)
        return
      }
      isStopping = true
      logger.info({ signal }, 'stopping')
      const timer = setTimeout(() => {
        logger.error(
          { shutdownMs },
          'stopping took too long; what was acknowledged is in the spool',
        )
        exit(1)
      }, shutdownMs)
      server
        .close()
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer)
          signals.off('SIGINT', stop)
          signals.off('SIGTERM', stop)
        })
    }
    signals.on('SIGINT', stop)
    signals.on('SIGTERM', stop)
  })
}
