import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where the other agents are resolved from. */
export const PEERS = fileURLToPath(new URL('../../peers/package.json', import.meta.url))
const FOLDER = fileURLToPath(new URL('../../peers', import.meta.url))

/** Downloads the other agents the first time. */
export function installPeers(): void {
  if (existsSync(`${FOLDER}/node_modules`)) return
  const { status } = spawnSync(
    'npm',
    ['ci', `--prefix=${FOLDER}`, '--ignore-scripts', '--no-audit', '--no-fund'],
    { stdio: ['ignore', process.stderr, 'inherit'] },
  )
  if (status !== 0) throw new Error(`npm ci in ${FOLDER} ended with ${status}`)
}
