import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Drivers and mappers: what they issue was asked for by whoever uses them. */
const DATABASE_PACKAGE =
  /^(?:pg|pg-.*|postgres|mysql2?|mariadb|better-sqlite3|sqlite3?|libsql|@libsql\/.*|knex|tarn|bookshelf|objection|sequelize|sequelize-.*|typeorm|@mikro-orm\/.*|drizzle-orm|prisma|@prisma\/.*|kysely|kysely-.*|slonik|@slonik\/.*|redis|@redis\/.*|ioredis)$/

/** The folder of a package, and its name. */
const PACKAGE = /^(.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+))[\\/]/
const MOST_PACKAGES = 500

const known = new Map<string, boolean>()

/**
 * Whether a file is of a package that brings a driver or a mapper along: an application that is installed as a package, or a
 * store of sessions. It is this package's code then that asks the database, and not that of frameworks around it.
 */
export function asksByItself(file: string): boolean {
  const [, folder, name] = PACKAGE.exec(file) ?? []
  if (folder === undefined || name === undefined) return false
  const found = known.get(folder)
  if (found !== undefined) return found
  if (known.size >= MOST_PACKAGES) return false
  const asks = !isOfDatabase(name) && bringsDatabase(pathOfFrame(folder))
  known.set(folder, asks)
  return asks
}

/** ES modules are told by their URL, in which a space is `%20` and a drive has a slash before it. */
export function pathOfFrame(file: string): string {
  return file.startsWith('file://') ? fileURLToPath(file) : file
}

function isOfDatabase(name: string): boolean {
  return DATABASE_PACKAGE.test(name.replace('\\', '/'))
}

function bringsDatabase(folder: string): boolean {
  try {
    const described: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const { dependencies } = described as { readonly dependencies?: object }
    return Object.keys(dependencies ?? {}).some(isOfDatabase)
  } catch {
    return false
  }
}
