import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { pprof } from '../../../../tests/agent/write-pprof.ts'
import { type FlameNode, flameGraph } from './flame-graph.ts'
import { readProfile } from './pprof.ts'

function outline({ name, self, total, children }: FlameNode): string {
  const inner = children.map(outline).join(' ')
  return `${name}:${total}/${self}${inner === '' ? '' : `(${inner})`}`
}

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
    ['a bomb', gzipSync(Buffer.alloc(40 * 1024 * 1024))],
  ])('that is %s is refused', async (_what, bytes) => {
    await expect(readProfile(bytes)).rejects.toMatchObject({ code: 'PROFILE_UNREADABLE' })
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
