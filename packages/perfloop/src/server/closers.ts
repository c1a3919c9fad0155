import type { Logger } from '../domain/logger.ts'

/** What was opened, to be closed in the opposite order; one that fails to close does not keep the others open. */
export class Closers {
  readonly #logger: Logger
  readonly #closers: { readonly name: string; close(): Promise<unknown> | unknown }[] = []

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(name: string, close: () => Promise<unknown> | unknown): void {
    this.#closers.push({ name, close })
  }

  /** Takes over a part that is being opened: it is closed in its turn even when others fail meanwhile. */
  own<Part>(
    name: string,
    opening: Promise<Part>,
    close: (part: Part) => Promise<unknown> | unknown,
  ): Promise<Part> {
    this.add(name, async () => {
      const part = await opening.catch(() => undefined)
      if (part !== undefined) await close(part)
    })
    return opening
  }

  async closeAll(): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer.close()
      } catch (error) {
        this.#logger.error({ error, part: closer.name }, 'a part did not close')
      }
    }
  }
}

/** As Promise.all, but it fails only when all have ended: nothing is left opening unseen. */
export async function allEnded<const Parts extends readonly unknown[]>(
  parts: Parts,
): Promise<{ -readonly [Index in keyof Parts]: Awaited<Parts[Index]> }> {
  await Promise.allSettled(parts)
  return Promise.all(parts)
}
