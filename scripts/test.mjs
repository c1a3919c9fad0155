// `npm test`: build, formatter and linter, rules, generated pages, types of the tests, then every test with
// line coverage over all source files. Ends with one plain line: `N passed, N failed[, N skipped]`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const scratch = mkdtempSync(join(tmpdir(), 'perfloop-test-'))
const failures = []

// What the agent is tried with is in folders of its own, so that nobody waits for it who does not run the tests.
for (const folder of ['tests/agent/ecosystem', 'tests/agent/nodes']) install(folder)
step('build', process.execPath, ['scripts/build.mjs'])
step('format and lint', 'node_modules/.bin/biome', ['check', '--diagnostic-level=error', '.'])
step('rules', process.execPath, ['scripts/check-rules.mjs'])
step('generated pages', process.execPath, ['scripts/write-docs.mjs', '--check'])
step('types of the tests', 'node_modules/.bin/tsc', ['-p', 'tsconfig.tests.json'])

const report = join(scratch, 'report.json')
const childCoverage = join(scratch, 'v8')
const vitest = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--coverage',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PERFLOOP_TEST_CHILD_COVERAGE: childCoverage },
  },
)
if (process.argv.length === 2) {
  step('coverage', process.execPath, ['scripts/check-coverage.mjs', childCoverage])
}

const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined
if (counts === undefined || (vitest.status !== 0 && counts.numFailedTests === 0))
  failures.push('vitest')
if (counts?.numPendingTests > 0) {
  console.log(
    '\nSKIPPED for want of packages that npm does not have (.ci/run installs them), or of a user other than root:',
  )
  for (const file of counts.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === 'pending' || test.status === 'skipped')
        console.log(`  - ${test.fullName}`)
    }
  }
}
rmSync(scratch, { recursive: true, force: true })

const failed = (counts?.numFailedTests ?? 0) + failures.length
const skipped = counts?.numPendingTests ?? 0
if (failures.length > 0) console.log(`\nfailed outside the tests: ${failures.join(', ')}`)
console.log(
  `${counts?.numPassedTests ?? 0} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
)
process.exit(failed === 0 ? 0 : 1)

/** `npm ci` where it was not done for this lock file. */
function install(folder) {
  const lock = readFileSync(join(root, folder, 'package-lock.json'), 'utf8')
  const installedLock = join(root, folder, 'node_modules', '.installed-lock.json')
  if (existsSync(installedLock) && readFileSync(installedLock, 'utf8') === lock) return
  const isInstalled = step(`installing ${folder}`, 'npm', [
    'ci',
    `--prefix=${folder}`,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ])
  if (isInstalled) writeFileSync(installedLock, lock)
}

function step(name, command, args) {
  console.log(`\n── ${name}`)
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) failures.push(name)
  return status === 0
}
