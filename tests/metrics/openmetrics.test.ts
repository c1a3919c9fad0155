import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendOrders } from '../browser/bakery.ts'
import { eventually, type PerfloopProcess, startPerfloop, stop } from '../perfloop-process.ts'

const nothingSkipped = process.env.PERFLOOP_TEST_NOTHING_SKIPPED !== undefined
const has = (program: string) => spawnSync(program, ['--version']).error === undefined
/** Both come with Debian's package `prometheus`, which `.ci/run` installs. */
const withPromtool = it.skipIf(!nothingSkipped && !has('promtool'))
const withPrometheus = it.skipIf(!nothingSkipped && !has('prometheus'))
for (const program of ['promtool', 'prometheus']) {
  if (!has(program)) console.warn(`${program} is not installed: what it would judge is not tested.`)
}

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-metrics-'))
let perfloop: PerfloopProcess

beforeAll(async () => {
  perfloop = await startPerfloop({ env: { PERFLOOP_ANALYSIS_SETTLE_MS: '1000' } })
  await sendOrders(perfloop, 7)
  await eventually('the requests to be counted', async () =>
    (await metricsOf('')).includes('operation="GET /orders"') ? true : undefined,
  )
})

afterAll(async () => {
  await perfloop?.[Symbol.asyncDispose]()
  rmSync(scratch, { recursive: true, force: true })
})

async function metricsOf(accept: string): Promise<string> {
  return (await fetch(`${perfloop.url}/metrics`, { headers: { accept } })).text()
}

describe('/metrics', () => {
  withPromtool('passes `promtool check metrics` without a remark', async () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await metricsOf('text/plain'),
      encoding: 'utf8',
    })
    expect(`${stdout}${stderr}`).toBe('')
    expect(status).toBe(0)
  })

  withPrometheus(
    'is scraped by a real Prometheus, which then answers queries from it',
    async () => {
      const port = await freePort()
      const config = join(scratch, 'prometheus.yml')
      const { host } = new URL(perfloop.url)
      writeFileSync(
        config,
        `scrape_configs:
  - job_name: perfloop
    scrape_interval: 1s
    static_configs:
      - targets: ['${host}']
`,
      )
      const prometheus = spawn(
        'prometheus',
        [
          `--config.file=${config}`,
          `--storage.tsdb.path=${join(scratch, 'tsdb')}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { stdio: 'ignore' },
      )
      try {
        const query = new URLSearchParams({
          query: 'perfloop_operation_duration_seconds_count{operation="GET /orders",kind="server"}',
        })
        const value = await eventually('Prometheus to have scraped', async () => {
          const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?${query}`)
          const { data } = (await response.json()) as {
            data: { result: readonly { value: readonly [number, string] }[] }
          }
          return data.result[0]?.value[1]
        })
        expect(value).toBe('7')
        const targets = await fetch(`http://127.0.0.1:${port}/api/v1/targets`)
        expect(await targets.text()).toContain('"health":"up"')
      } finally {
        await stop(prometheus)
      }
    },
  )
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
