// What the agent knows to be declared in this process, read from the agent itself: the channel that sends it is
// tested elsewhere.
import { declarations } from '../../../packages/agent/dist/declare/declarations.js'

export function declaredRoutes() {
  return declarations().routes.map(
    ({ method, route, framework }) => `${framework} ${method} ${route}`,
  )
}

export function declaredModels() {
  return declarations().models.map(({ name, table, mapper }) => `${mapper} ${name} ${table}`)
}
