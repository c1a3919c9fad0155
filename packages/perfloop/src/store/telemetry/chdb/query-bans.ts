/**
 * Which queries were running when the store process died. Several may have been, and only one need be
 * guilty: a query that later ends while the process lives is cleared, so only one that is there every
 * time reaches the limit.
 */
export class QueryBans {
  readonly #crashesBeforeBan: number
  readonly #crashes = new Map<string, number>()

  constructor(crashesBeforeBan: number) {
    this.#crashesBeforeBan = crashesBeforeBan
  }

  isBanned(sql: string): boolean {
    return (this.#crashes.get(sql) ?? 0) >= this.#crashesBeforeBan
  }

  crashedDuring(sql: string): void {
    this.#crashes.set(sql, (this.#crashes.get(sql) ?? 0) + 1)
  }

  survived(sql: string): void {
    if (!this.isBanned(sql)) this.#crashes.delete(sql)
  }
}
