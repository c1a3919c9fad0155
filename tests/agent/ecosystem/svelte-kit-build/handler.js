// Chooses its routes as the handler that SvelteKit builds, for its own server or another one.
import { manifest } from './server/manifest.js'

export function choose(path) {
  return manifest._.routes.find(({ pattern }) => pattern.test(path))
}
