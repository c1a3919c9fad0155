import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Agent } from '../agent.ts'
import { setTimeout } from '../own-clock.ts'
import { declareModel } from './declarations.ts'

/** Where `prisma generate` looks when nobody says otherwise. */
const PLACES = ['prisma/schema.prisma', 'schema.prisma', 'prisma/schema', 'prisma']
const MOST_FOLDERS = 8
const MOST_FILES = 200
const LARGEST_FILE_BYTES = 4 * 1024 * 1024

const DELAY_MS = 1_000

/**
 * The models of Prisma's schema, by its source: a generated client does not tell them to anybody, and as an ES module
 * cannot be asked. Read once, after the application has begun.
 */
export function declarePrismaModels(agent: Agent): void {
  setTimeout(() => {
    try {
      for (const file of schemaFiles()) {
        for (const { name, table } of prismaModels(readFileSync(file, 'utf8'))) {
          declareModel(name, table, 'prisma')
        }
      }
    } catch (error) {
      agent.report('reading the schema of Prisma', error)
    }
  }, DELAY_MS).unref()
}

/** https://www.prisma.io/docs/orm/reference/prisma-schema-reference#model */
export function prismaModels(schema: string): { readonly name: string; readonly table: string }[] {
  const text = schema.replace(/\/\/[^\n]*/g, '')
  return [...text.matchAll(/^\s*model\s+(\w+)\s*\{([^}]*)\}/gm)].map(([, name = '', body = '']) => {
    const table = /@@map\(\s*(?:name:\s*)?"([^"]*)"/.exec(body)?.[1] ?? name
    const namespace = /@@schema\(\s*"([^"]*)"/.exec(body)?.[1]
    return { name, table: namespace === undefined ? table : `${namespace}.${table}` }
  })
}

/** Of the package that the program, or the folder it was started in, is part of. */
function schemaFiles(): string[] {
  const program = process.argv[1]
  const starts = [process.cwd(), ...(program === undefined ? [] : [dirname(program)])]
  for (const start of starts) {
    let folder = start
    for (let height = 0; height < MOST_FOLDERS; height++) {
      const files = filesAt(folder)
      if (files.length > 0) return files
      if (existsSync(join(folder, 'package.json'))) break
      folder = dirname(folder)
    }
  }
  return []
}

function filesAt(folder: string): string[] {
  for (const place of PLACES) {
    const path = join(folder, place)
    if (!existsSync(path)) continue
    const files = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter(name => name.endsWith('.prisma'))
          .slice(0, MOST_FILES)
          .map(name => join(path, name))
      : [path]
    const readable = files.filter(file => statSync(file).size <= LARGEST_FILE_BYTES)
    if (readable.length > 0) return readable
  }
  return []
}
