import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { pprof } from '../../../../tests/agent/write-pprof.ts'
import { type FlameNode, flameGraph } from './flame-graph.ts'
import { checkProfile, readProfile } from './pprof.ts'

function outline({ name, self, total, children }: FlameNode): string {
  const inner = children.map(outline).join(' ')
  return `${name}:${total}/${self}${inner === '' ? '' : `(${inner})`}`
}

/** A field of bytes, as protobuf has it. */
function field(number: number, bytes: readonly number[]): number[] {
  const { length } = bytes
  const size = [(length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14]
  return [(number << 3) | 2, ...size, ...bytes]
}

const TYPE = field(1, [])
/** Of the id 1, with so many lines of the function 0. */
const LOCATION = (lines: number) => field(4, [8, 1, ...Array(lines).fill(field(4, [])).flat()])

describe('a profile', () => {
  it('is read as any tool has written it', async () => {
    const profile = await readProfile(pprof({ 'main;render;escape': 5_000_000_000 }))
    expect(profile).toEqual({
      type: 'cpu',
      unit: 'nanoseconds',
      durationNs: 2e9,
      samples: [
        {
          value: 5_000_000_000,
          stack: [
            { name: 'escape', file: '/app/shop.js', line: 30 },
            { name: 'render', file: '/app/shop.js', line: 20 },
            { name: 'main', file: '/app/shop.js', line: 10 },
          ],
        },
      ],
    })
  })

  it.each([
    ['no gzip', Buffer.from('hello')],
    ['no protobuf', gzipSync(Buffer.from([0xff, 0xff, 0xff, 0xff]))],
    ['nothing', Buffer.alloc(0)],
    ['no value type', gzipSync(Buffer.alloc(0))],
    ['a difference of two', pprof({ main: 5, 'main;render': -3 })],
    ['a bomb', gzipSync(Buffer.alloc(40 * 1024 * 1024))],
  ])('that is %s is refused', async (_what, bytes) => {
    await expect(readProfile(bytes)).rejects.toMatchObject({ code: 'PROFILE_UNREADABLE' })
    await expect(checkProfile(bytes)).rejects.toMatchObject({ code: 'PROFILE_UNREADABLE' })
  })

  it('that is sound passes the check', async () => {
    await expect(checkProfile(pprof({ 'main;render': 3 }))).resolves.toBeUndefined()
  })
})

it('says of a difference of two why it cannot be shown', async () => {
  await expect(readProfile(pprof({ main: -1 }))).rejects.toMatchObject({
    details: { reason: 'it has negative values' },
  })
})

describe('a profile that means harm', () => {
  const packed = (count: number) => field(1, Array(count).fill(1))

  it.each([
    [
      'a location of thousands of lines on each stack',
      [...LOCATION(5_000), ...field(2, packed(1_000))],
    ],
    ['a stack of lines without end', [...LOCATION(60), ...field(2, packed(1_000))]],
    [
      'more frames than anybody looks at',
      [
        ...LOCATION(1),
        ...Array(1_100)
          .fill(field(2, packed(1_000)))
          .flat(),
      ],
    ],
    ['types without end', Array(1_000).fill(field(1, [])).flat()],
  ])('is refused: %s', async (_what, body) => {
    await expect(readProfile(gzipSync(Buffer.from([...TYPE, ...body])))).rejects.toMatchObject({
      code: 'PROFILE_UNREADABLE',
    })
  })

  it('has its names cut', async () => {
    const name = field(6, Array(100_000).fill(65))
    const bytes = [
      ...TYPE,
      ...field(6, []),
      ...name,
      ...LOCATION(1),
      ...field(5, [8, 0, 16, 1]),
      ...field(2, packed(1)),
    ]
    const { samples } = await readProfile(gzipSync(Buffer.from(bytes)))
    expect(samples[0]?.stack[0]?.name).toBe('A'.repeat(1_024))
  })
})

describe('a flame graph', () => {
  it('adds stacks up under their callers, the largest first', async () => {
    const profile = await readProfile(
      pprof({ 'main;query': 10, 'main;render;escape': 30, 'main;render': 5, idle: 1 }),
    )
    const { root: tree, frames, hidden } = flameGraph(profile, 100)
    expect(outline(tree)).toBe(
      'all:46/0(main:45/0(render:35/5(escape:30/30) query:10/10) idle:1/1)',
    )
    expect([frames, hidden]).toEqual([5, 0])
  })

  it('counts a function that calls itself once for each sample', async () => {
    const profile = await readProfile(pprof({ 'walk;walk;walk': 7, 'walk;visit': 3 }))
    const { functions } = flameGraph(profile, 100)
    expect(functions.map(({ name, self, total }) => [name, self, total])).toEqual([
      ['walk', 7, 10],
      ['visit', 3, 3],
    ])
  })

  it('leaves the smallest frames to their callers where there are too many', async () => {
    const stacks = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`main;f${index}`, index + 1]),
    )
    const { root: tree, frames, hidden } = flameGraph(await readProfile(pprof(stacks)), 11)
    expect(frames).toBeLessThanOrEqual(11)
    expect(frames + hidden).toBe(51)
    expect(tree.children[0]?.total).toBe(1_275)
    expect(tree.children[0]?.children[0]).toMatchObject({ name: 'f49', total: 50 })
  })
})
