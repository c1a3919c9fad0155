import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { eventLoopBlock } from '../../packages/perfloop/src/analyzers/event-loop-block/event-loop-block.ts'
import {
  EVENT_LOOP_SCOPE,
  STARVED_EVENT_LOOP,
} from '../../packages/perfloop/src/domain/runtime-metric.ts'
import { otlpAttributes, unixNano } from '../send-metrics.ts'
import { openAnalysisHost } from './analysis-host.ts'

const START_MS = Date.UTC(2026, 2, 1, 8)
const hex = (bytes: number) => randomBytes(bytes).toString('hex')

/** Ten of them, each two seconds after the other and half a second long, as the agent tells them. */
function blocks(service: string, name: string, attributes: Record<string, string | number>) {
  const spans = Array.from({ length: 10 }, (_, n) => ({
    traceId: hex(16),
    spanId: hex(8),
    name,
    kind: 1,
    startTimeUnixNano: unixNano(START_MS + n * 2_000),
    endTimeUnixNano: unixNano(START_MS + n * 2_000 + 500),
    attributes: otlpAttributes(attributes),
  }))
  const resource = { attributes: otlpAttributes({ 'service.name': service }) }
  return {
    resourceSpans: [{ resource, scopeSpans: [{ scope: { name: EVENT_LOOP_SCOPE }, spans }] }],
  }
}

it('says that the machine had no time, and names code without a name by its place', async () => {
  await using host = await openAnalysisHost([eventLoopBlock], START_MS)
  host.nowMs = START_MS + 30_000
  await host.receive('traces', [
    blocks('starved', STARVED_EVENT_LOOP, { 'perfloop.cpu.wait_ms': 450 }),
    blocks('busy', 'event loop block', {
      'code.file.path': '/app/src/sort.js',
      'code.line.number': 7,
    }),
  ])
  host.nowMs += 270_000
  for (let looks = 0; looks < 3; looks++) {
    await host.look()
    host.nowMs += 60_000
  }
  const { rows } = await host.control.issues.list({ limit: 5, offset: 0 })
  const found = new Map(rows.map(issue => [issue.service, issue]))
  expect(found.get('busy')?.title).toMatch(/^Code at sort\.js:7 blocks the event loop for /)
  expect(found.get('starved')?.title).toMatch(/^The machine has no time for starved: .* 500 ms/)
  expect(found.get('starved')?.codeLocation ?? '').toBe('')
  expect(rows).toHaveLength(2)
}, 60_000)
