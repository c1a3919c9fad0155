import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where the dashboard's built files are: beside our own in the package, or in its workspace in a clone. */
export function findDashboard(): string | undefined {
  return ['../dashboard/', '../../../dashboard/dist/']
    .map(path => fileURLToPath(new URL(path, import.meta.url)))
    .find(directory => existsSync(`${directory}index.html`))
}
