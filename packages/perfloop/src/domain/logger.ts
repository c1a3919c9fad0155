/** The four levels Perfloop logs at, in pino's call form: fields first, then the sentence. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const ignore = () => {}

/** For tests, and for commands that print their own answer. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
