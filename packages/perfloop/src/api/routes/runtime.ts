import { z } from 'zod'
import {
  EventLoopBlock,
  EventLoopBlockParams,
  Runtime,
  RuntimeInstance,
  RuntimeListParams,
  RuntimeMemory,
  RuntimeMemoryParams,
  RuntimeParams,
  RuntimeService,
} from '../contract/runtime.ts'
import { defineEndpoint } from '../endpoint.ts'
import { toLimit } from '../page.ts'
import { readRange } from '../request-range.ts'
import { readEventLoopBlocks } from '../runtime/read-event-loop-blocks.ts'
import { readMemoryStability } from '../runtime/read-memory-stability.ts'
import { readRuntime, readRuntimeInstances, readRuntimeServices } from '../runtime/read-runtime.ts'

export const runtimeEndpoints = [
  defineEndpoint({
    name: 'measure.runtimes',
    method: 'GET',
    path: '/measure/runtimes',
    summary: 'Processes that tell of their CPU, memory or pools, the latest first',
    access: 'read',
    query: RuntimeListParams,
    data: z.array(RuntimeInstance),
    paginated: true,
    async answer({ query, telemetry, nowUnixMs }) {
      const range = readRange(query, nowUnixMs)
      const page = toLimit(query)
      const { instances, total } = await readRuntimeInstances(telemetry, query, range, page)
      return { data: instances, total }
    },
  }),
  defineEndpoint({
    name: 'measure.runtime.services',
    method: 'GET',
    path: '/measure/runtime/services',
    summary: 'Services whose processes tell of their CPU, memory or pools, the latest first',
    access: 'read',
    query: RuntimeListParams,
    data: z.array(RuntimeService),
    paginated: true,
    async answer({ query, telemetry, nowUnixMs }) {
      const range = readRange(query, nowUnixMs)
      const { services, total } = await readRuntimeServices(telemetry, query, range, toLimit(query))
      return { data: services, total }
    },
  }),
  defineEndpoint({
    name: 'measure.runtime',
    method: 'GET',
    path: '/measure/runtime',
    summary:
      'CPU, memory, heap, garbage collection, event loop and connection pools of a service over time',
    access: 'read',
    query: RuntimeParams,
    data: Runtime,
    answer: async ({ query, telemetry, nowUnixMs }) => ({
      target: { type: 'service', id: query.service },
      data: await readRuntime(telemetry, query, readRange(query, nowUnixMs)),
    }),
  }),
  defineEndpoint({
    name: 'measure.runtime.memory',
    method: 'GET',
    path: '/measure/runtime/memory',
    summary:
      'Whether the memory of the living processes of a service was stable, for a day by default',
    access: 'read',
    query: RuntimeMemoryParams,
    data: z.array(RuntimeMemory),
    answer: async ({ query, telemetry, nowUnixMs }, { settings }) => ({
      target: { type: 'service', id: query.service },
      data: await readMemoryStability(
        telemetry,
        query,
        settings.analyzers.memoryLeak,
        Math.floor(nowUnixMs / 1_000),
      ),
    }),
  }),
  defineEndpoint({
    name: 'measure.runtime.blocks',
    method: 'GET',
    path: '/measure/runtime/blocks',
    summary: 'Places in the code of a service that blocked its event loop',
    access: 'read',
    query: EventLoopBlockParams,
    data: z.array(EventLoopBlock),
    paginated: true,
    async answer({ query, telemetry, nowUnixMs }) {
      const { blocks, total } = await readEventLoopBlocks(
        telemetry,
        query,
        readRange(query, nowUnixMs),
      )
      return { target: { type: 'service', id: query.service }, data: blocks, total }
    },
  }),
]
