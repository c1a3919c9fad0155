import type { Agent } from '../agent.ts'
import { declareModel } from '../declare/declarations.ts'
import { declarePrismaModels } from '../declare/prisma-schema.ts'
import { followPromise, isPromise } from './database-statement.ts'
import type { PatchedEsModule } from './es-modules.ts'
import { mapperPoolModules } from './mapper-pools.ts'
import type { PatchedModule } from './module-hook.ts'
import { wrapMethod } from './wrap-method.ts'

/** Mappers whose models are declared, used or not. Their statements are seen through the drivers. */
export function mapperModules(agent: Agent): readonly PatchedModule[] {
  return [
    {
      package: 'sequelize',
      file: 'lib/index.js',
      patch: exports => declareSequelizeModels(agent, exports),
    },
    {
      package: 'typeorm',
      file: 'index.js',
      patch: exports => declareTypeormEntities(agent, exports),
    },
    ...DRIZZLE_DIALECTS.map(dialect => ({
      package: 'drizzle-orm',
      file: `${dialect}/columns/common.cjs`,
      isInner: true as const,
      patch: (exports: object) => declareDrizzleTables(agent, exports),
    })),
    ...mapperPoolModules(agent),
  ]
}

export function mapperEsModules(agent: Agent): readonly PatchedEsModule[] {
  return [
    {
      package: 'drizzle-orm',
      files: DRIZZLE_DIALECTS.map(dialect => `${dialect}/columns/common.js`),
      patch: exports => declareDrizzleTables(agent, exports),
    },
    {
      package: '@mikro-orm/core',
      files: ['metadata/MetadataDiscovery.js'],
      patch: exports => declareMikroOrmEntities(agent, exports),
    },
  ]
}

/** What no code of a mapper tells. */
export function observeMappers(agent: Agent): void {
  declarePrismaModels(agent)
}

const DRIZZLE_DIALECTS = ['pg-core', 'mysql-core', 'sqlite-core']

interface SequelizeModel {
  readonly name: string
  init(...args: unknown[]): unknown
  getTableName(): string | { readonly tableName?: string; readonly schema?: string }
}

function declareSequelizeModels(agent: Agent, exports: object): void {
  const { Model } = exports as { readonly Model: SequelizeModel }
  wrapMethod(
    Model,
    'init',
    init =>
      // `this` is the application's own class.
      function (this: SequelizeModel, ...args) {
        const result = init.apply(this, args)
        quietly(agent, 'Sequelize', () => {
          const table = this.getTableName()
          declareModel(
            this.name,
            typeof table === 'string' ? table : qualified(table.schema, table.tableName),
            'sequelize',
          )
        })
        return result
      },
  )
}

interface DataSource {
  readonly entityMetadatas: readonly {
    readonly name: string
    readonly tablePath?: string
    readonly tableName: string
  }[]
  initialize(): Promise<unknown>
}

function declareTypeormEntities(agent: Agent, exports: object): void {
  const { DataSource } = exports as { readonly DataSource?: { readonly prototype: DataSource } }
  if (DataSource === undefined) return
  wrapMethod(
    DataSource.prototype,
    'initialize',
    initialize =>
      function (this: DataSource) {
        const result = initialize.call(this)
        if (!isPromise(result)) return result
        return followPromise(result, () =>
          quietly(agent, 'TypeORM', () => {
            for (const { name, tablePath, tableName } of this.entityMetadatas) {
              declareModel(name, tablePath ?? tableName, 'typeorm')
            }
          }),
        )
      },
  )
}

interface ColumnBuilder {
  buildForeignKeys(column: unknown, table: object): unknown
}

const DRIZZLE_NAME = Symbol.for('drizzle:Name')
const DRIZZLE_SCHEMA = Symbol.for('drizzle:Schema')

/** A table of Drizzle is the model. It is told of when its columns are built, each by a class that can be reached. */
function declareDrizzleTables(agent: Agent, exports: object): void {
  for (const builder of Object.values(exports) as { readonly prototype?: ColumnBuilder }[]) {
    const prototype = builder?.prototype
    if (prototype === undefined || !Object.hasOwn(prototype, 'buildForeignKeys')) continue
    wrapMethod(
      prototype,
      'buildForeignKeys',
      build =>
        function (this: ColumnBuilder, column, table) {
          quietly(agent, 'Drizzle', () => {
            const { [DRIZZLE_NAME]: name, [DRIZZLE_SCHEMA]: schema } = table as Record<
              symbol,
              string | undefined
            >
            if (name !== undefined) declareModel(name, qualified(schema, name), 'drizzle')
          })
          return build.call(this, column, table)
        },
    )
  }
}

interface MetadataDiscovery {
  processDiscoveredEntities(...args: unknown[]): unknown
}

function declareMikroOrmEntities(agent: Agent, exports: object): void {
  const { MetadataDiscovery } = exports as {
    readonly MetadataDiscovery: { readonly prototype: MetadataDiscovery }
  }
  wrapMethod(
    MetadataDiscovery.prototype,
    'processDiscoveredEntities',
    process =>
      function (this: MetadataDiscovery, ...args) {
        const result = process.apply(this, args)
        quietly(agent, 'MikroORM', () => {
          for (const entity of args[0] as Iterable<MikroOrmEntity>) {
            const { className, tableName, schema, abstract, embeddable } = entity
            if (abstract || embeddable || className === undefined) continue
            declareModel(className, qualified(schema, tableName), 'mikro-orm')
          }
        })
        return result
      },
  )
}

interface MikroOrmEntity {
  readonly className?: string
  readonly tableName?: string
  readonly schema?: string
  readonly abstract?: boolean
  readonly embeddable?: boolean
}

function qualified(schema: string | undefined, table: string | undefined): string {
  return schema ? `${schema}.${table ?? ''}` : (table ?? '')
}

function quietly(agent: Agent, mapper: string, declare: () => void): void {
  try {
    declare()
  } catch (error) {
    agent.report(`reading the models of ${mapper}`, error)
  }
}
