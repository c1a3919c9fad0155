import { z } from 'zod'
import { ScopeParams } from '../contract/envelope.ts'
import { Overview, Series, ServiceSummary } from '../contract/measure.ts'
import { defineEndpoint } from '../endpoint.ts'
import { measureOverview, measureSeries, measureServices } from '../measure-overview.ts'
import { readRange } from '../request-range.ts'

export const overviewEndpoints = [
  defineEndpoint({
    name: 'measure.overview',
    method: 'GET',
    path: '/measure/overview',
    summary:
      'Rate, errors and duration of everything in scope, its services and its slowest operations',
    access: 'read',
    query: ScopeParams,
    data: Overview,
    answer: async ({ query, telemetry, nowUnixMs }, { control }) => ({
      data: await measureOverview({ telemetry, control }, query, readRange(query, nowUnixMs)),
    }),
  }),
  defineEndpoint({
    name: 'measure.series',
    method: 'GET',
    path: '/measure/overview/series',
    summary: 'Requests of everything in scope over time',
    access: 'read',
    query: ScopeParams,
    data: Series,
    answer: async ({ query, telemetry, nowUnixMs }) => ({
      data: await measureSeries(
        telemetry,
        { ...query, operation: '', kind: '' },
        readRange(query, nowUnixMs),
      ),
    }),
  }),
  defineEndpoint({
    name: 'measure.services',
    method: 'GET',
    path: '/measure/services',
    summary: 'Services seen in the range',
    access: 'read',
    query: ScopeParams,
    data: z.array(ServiceSummary),
    answer: async ({ query, telemetry, nowUnixMs }, { control }) => ({
      data: await measureServices({ telemetry, control }, query, readRange(query, nowUnixMs)),
    }),
  }),
]
