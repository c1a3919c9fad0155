// Writes the pages that are made from the code: docs/errors.md and docs/settings.md. With --check it writes
// nothing and fails when a page is not what the code says.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const built = path => import(new URL(`../packages/perfloop/dist/${path}`, import.meta.url).href)
const { ERRORS } = await built('domain/perfloop-error.js')
const { describeSettings } = await built('settings/describe-settings.js')

const pages = { 'docs/errors.md': errorsPage(), 'docs/settings.md': settingsPage() }
const check = process.argv.includes('--check')
let stale = 0
for (const [path, text] of Object.entries(pages)) {
  const file = join(root, path)
  if (!check) writeFileSync(file, text)
  else if (read(file) !== text) {
    console.error(`${path} is not what the code says: run \`node scripts/write-docs.mjs\``)
    stale++
  }
}
process.exit(stale === 0 ? 0 : 1)

function errorsPage() {
  const entries = Object.entries(ERRORS).map(
    ([code, { status, message, cause, cure }]) =>
      `## ${code}\n\n${message} (HTTP ${status})\n\n- **Cause:** ${cause}\n- **Cure:** ${cure}\n`,
  )
  return `# Errors\n\nEvery failure Perfloop reports has one of these codes. They are public: scripts may depend on them.\nThis page is made from \`packages/perfloop/src/domain/perfloop-error.ts\`.\n\n${entries.join('\n')}`
}

function settingsPage() {
  const rows = describeSettings().map(
    ({ key, variable, description, defaultValue, secret }) =>
      `| \`${key}\` | \`${secret ? '(secret)' : cell(JSON.stringify(defaultValue))}\` | ${cell(description)} | \`${variable}\` |`,
  )
  return `# Settings

Every setting and threshold of Perfloop, with its default and unit. A flag of the command line wins over the
environment, that over the file given with \`--config\` (JSON, nested by the dots of the key), that over the
default. In a variable, write numbers, lists and objects as JSON. An unknown key or a wrong value stops the
start and is named.

This page is made from \`packages/perfloop/src/settings\`.

| key | default | meaning | variable |
|---|---|---|---|
${rows.join('\n')}
`
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
