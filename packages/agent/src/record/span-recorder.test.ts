import { expect, it } from 'vitest'
import { ActiveSpan } from './active-span.ts'
import { attributeSchema, PASSING_TEXT, TEXT } from './attribute-schema.ts'
import { CostBudget } from './cost-budget.ts'
import { SpanBatch } from './span-batch.ts'
import { SpanRecorder } from './span-recorder.ts'

const SCHEMA = attributeSchema('test', {}, { statement: TEXT, path: PASSING_TEXT })

it.each(['exceptions', 'texts', 'passing texts'])(
  'hands over a batch before its %s are more than the exporting thread can hold',
  what => {
    const sentRows: number[] = []
    const recorder = new SpanRecorder(
      {
        takeBuffer: () => new SpanBatch().buffer,
        send(batch, texts) {
          sentRows.push(batch.rows)
          texts.takeNew()
        },
        wake() {},
      },
      new CostBudget(1, () => {}),
    )
    const span = new ActiveSpan(undefined)
    const long = 'x'.repeat(8_000)
    for (let n = 0; n < 2_000; n++) {
      recorder.beginChild(SCHEMA, 'name', 1, false, span, 0, 1)
      if (what === 'exceptions')
        recorder.exception({ type: 'Error', message: long, stack: long }, 0)
      recorder.text(what === 'texts' ? `${long}${n}` : 'select 1')
      recorder.passingText(what === 'passing texts' ? long : '/')
      recorder.end()
    }
    // A million characters, of which each span has two thousand at least.
    expect(Math.max(...sentRows)).toBeLessThan(530)
    expect(sentRows.length).toBeGreaterThan(2)
  },
)

it('sends a passing text once that comes with one span after another, such as the name of the host', () => {
  const sent: SpanBatch[] = []
  const recorder = new SpanRecorder(
    {
      takeBuffer: () => new SpanBatch().buffer,
      send: batch => sent.push(batch),
      wake() {},
    },
    new CostBudget(1, () => {}),
  )
  const span = new ActiveSpan(undefined)
  for (const path of ['/a', '/a', '/b', undefined, '/b']) {
    recorder.beginChild(SCHEMA, 'name', 1, false, span, 0, 1)
    recorder.text('select 1')
    recorder.passingText(path)
    recorder.end()
  }
  recorder.flush()
  const [batch] = sent
  expect(batch?.passingTexts).toEqual(['/a', '/b'])
  expect([1, 3, 5, 7, 9].map(at => batch?.values[at])).toEqual([0, 0, 1, Number.NaN, 1])
})

it('never mixes a row with one that begins within it', () => {
  const sent: SpanBatch[] = []
  const dropped: number[] = []
  const recorder = new SpanRecorder(
    {
      takeBuffer: () => new SpanBatch().buffer,
      send: (batch, _texts, lost) => {
        sent.push(batch)
        dropped.push(lost)
      },
      wake() {},
    },
    new CostBudget(1, () => {}),
  )
  const span = new ActiveSpan(undefined)
  const write = (statement: string, path: string, within = () => {}) => {
    recorder.beginChild(SCHEMA, 'name', 1, false, span, 0, 1)
    recorder.text(statement)
    within()
    recorder.passingText(path)
    recorder.end()
  }
  write('a', '/a')
  write('b', '/b', () => write('c', '/c'))
  write('d', '/d')
  recorder.flush()
  const [batch] = sent
  expect([batch?.rows, batch?.passingTexts, dropped]).toEqual([3, ['/a', '/c', '/d'], [1]])
  expect([...(batch?.values.subarray(0, 6) ?? [])].filter((_, at) => at % 2 === 1)).toEqual([
    0, 1, 2,
  ])
})
