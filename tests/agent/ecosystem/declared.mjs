// What the agent knows to be declared in this process, read from the agent itself: the channel that sends it is
// tested elsewhere.
import { createRequire } from 'node:module'

const { declarations } = createRequire(import.meta.url)('../../../packages/agent/dist/agent.cjs')

export function declaredRoutes() {
  return declarations().routes.map(
    ({ method, route, framework }) => `${framework} ${method} ${route}`,
  )
}

export function declaredModels() {
  return declarations().models.map(({ name, table, mapper }) => `${mapper} ${name} ${table}`)
}
