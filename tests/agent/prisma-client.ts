import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('./ecosystem/node_modules', import.meta.url))
const besides = fileURLToPath(new URL('./nodes/node_modules', import.meta.url))

/** Generates the client of a schema into `directory`, which gets the mappers as packages; answers the file to import. */
export function generatePrismaClient(directory: string): string {
  mkdirSync(join(directory, 'prisma'), { recursive: true })
  mkdirSync(join(directory, 'node_modules'))
  symlinkSync(join(packages, '@prisma'), join(directory, 'node_modules/@prisma'))
  symlinkSync(join(besides, '@mikro-orm'), join(directory, 'node_modules/@mikro-orm'))
  writeFileSync(
    join(directory, 'prisma/schema.prisma'),
    `generator client {
  provider = "prisma-client-js"
  output   = "../client"
}
datasource db {
  provider = "postgresql"
}
model Ware {
  id    Int    @id @default(autoincrement())
  name  String
  price Int
  shelf Int    @default(0)
  @@map("ware")
}
model Unused {
  id Int @id
}
`,
  )
  execFileSync(
    process.execPath,
    [join(packages, 'prisma/build/index.js'), 'generate', '--schema', 'prisma/schema.prisma'],
    // It asks for an engine that it does not need for this, and would download it.
    {
      cwd: directory,
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' },
      stdio: 'pipe',
    },
  )
  return join(directory, 'client/index.js')
}
