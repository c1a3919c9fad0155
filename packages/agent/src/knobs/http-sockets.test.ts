import { globalAgent as httpAgent } from 'node:http'
import { globalAgent as httpsAgent } from 'node:https'
import { afterEach, expect, it } from 'vitest'
import { Knobs } from '../control/knobs.ts'
import { httpMaxSockets } from './http-sockets.ts'

afterEach(() => {
  httpAgent.maxSockets = Number.POSITIVE_INFINITY
  httpsAgent.maxSockets = Number.POSITIVE_INFINITY
})

it('gives each of the two agents back what it had', () => {
  httpsAgent.maxSockets = 50
  const { name } = httpMaxSockets
  const bounds = new Map([[name, { minimum: 1, maximum: 100 }]])
  const knobs = new Knobs({ knobs: bounds, ownKnobs: [httpMaxSockets] }, () => {})
  knobs.turn([{ name, value: 7 }])
  knobs.turn([{ name, value: 8 }])
  expect([httpAgent.maxSockets, httpsAgent.maxSockets]).toEqual([8, 8])
  knobs.turn([])
  expect([httpAgent.maxSockets, httpsAgent.maxSockets]).toEqual([Number.POSITIVE_INFINITY, 50])
})
