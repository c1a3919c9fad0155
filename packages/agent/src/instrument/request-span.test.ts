import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { ActiveSpan } from '../record/active-span.ts'
import { noteErrorOf } from './request-span.ts'

/** With something large that it was thrown with, as the errors of clients and mappers are. */
function noted(span: ActiveSpan): WeakRef<object> {
  const error = Object.assign(new RangeError('too far'), { response: Buffer.alloc(1_000) })
  noteErrorOf(span, error)
  return new WeakRef(error)
}

it('tells of an error without holding it, however long its request takes', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const span = new ActiveSpan(undefined)
  const error = noted(span)
  noteErrorOf(span, new Error('a later one'))
  await new Promise(resolve => setTimeout(resolve, 10))
  collect()
  expect(error.deref()).toBeUndefined()
  expect(span.exception).toMatchObject({ type: 'RangeError', message: 'too far' })
  expect(span.exception?.stack).toContain('request-span.test')
})
