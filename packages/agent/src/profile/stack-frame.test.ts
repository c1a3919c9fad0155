import { expect, it } from 'vitest'
import { readStack } from './stack-frame.ts'

it('reads frames with and without a name, and code outside of functions that waits', () => {
  const stack = `    at async serve (file:///app/serve.js:3:9)
    at async file:///app/main.js:2:1
    at new Basket (/app/basket.js:7:5)
    at Array.map (<anonymous>)`
  expect(readStack(stack)).toEqual([
    { name: 'serve', file: '/app/serve.js', line: 3 },
    { name: '', file: '/app/main.js', line: 2 },
    { name: 'new Basket', file: '/app/basket.js', line: 7 },
    { name: 'Array.map', file: '', line: 0 },
  ])
})
