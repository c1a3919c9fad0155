import { expect, it } from 'vitest'
import { prismaModels } from './prisma-schema.ts'

it('reads models of a Prisma schema with the tables they are mapped to', () => {
  const schema = `
    generator client { provider = "prisma-client" }
    // model Gone { id Int }
    model Stall {
      id    Int    @id @default(autoincrement())
      fruit Fruit? @map("a_fruit")
      @@map("stalls") // not "Stall"
    }
    model Fruit {
      id Int @id
      @@map(name: "fruits")
      @@schema("market")
    }
    enum Colour { RED GREEN }
    model Town { id Int @id }`
  expect(prismaModels(schema)).toEqual([
    { name: 'Stall', table: 'stalls' },
    { name: 'Fruit', table: 'market.fruits' },
    { name: 'Town', table: 'Town' },
  ])
})
