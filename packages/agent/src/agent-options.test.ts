import { describe, expect, it } from 'vitest'
import { type AgentOptions, readConfiguration } from './agent-options.ts'

function read(options: unknown, environment: Record<string, string> = {}) {
  const problems: string[] = []
  const configuration = readConfiguration(options as AgentOptions, environment, problem =>
    problems.push(problem),
  )
  return { configuration, problems }
}

describe('the options of the agent', () => {
  it('come from the environment, and from the code before that', () => {
    const { configuration, problems } = read(
      { serviceName: 'shop', headers: { 'x-own': 'b' }, flushIntervalMs: 250 },
      {
        OTEL_SERVICE_NAME: 'other',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://somewhere:4318/',
        OTEL_EXPORTER_OTLP_HEADERS: 'x-own=a,x-two=%C3%BC1',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_EXPORTER_OTLP_TIMEOUT: '',
        PERFLOOP_TOKEN: 'secret',
      },
    )
    expect(problems).toEqual([])
    expect(configuration).toMatchObject({ flushIntervalMs: 250, replacesSdk: false })
    expect(configuration.target).toMatchObject({
      tracesUrl: 'http://somewhere:4318/v1/traces',
      metricsUrl: 'http://somewhere:4318/v1/metrics',
      headers: { authorization: 'Bearer secret', 'x-own': 'b', 'x-two': 'ü1' },
      timeoutMs: 10_000,
      resource: { 'service.name': 'shop', 'deployment.environment.name': 'test' },
    })
  })

  it.each([
    [{}, {}, 1],
    [{}, { OTEL_TRACES_SAMPLER_ARG: '0.1' }, 1],
    [{}, { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' }, 0.1],
    [{}, { OTEL_TRACES_SAMPLER: 'always_off' }, 0],
    [{ samplingProbability: 0.5 }, { OTEL_TRACES_SAMPLER: 'always_off' }, 0.5],
  ])('of %o and %o make the sampling probability %d', (options, environment, probability) => {
    const { configuration, problems } = read(options, environment)
    expect([configuration.samplingProbability, problems]).toEqual([probability, []])
  })

  it.each([
    [{ flushIntervalMs: -5 }, 'flushIntervalMs is less than 10 ("-5"): 10 is taken'],
    [{ flushIntervalMs: 1e12 }, 'flushIntervalMs is more than 3600000'],
    [{ metricsIntervalMs: 'soon' }, 'metricsIntervalMs is no number ("soon"): 10000 is taken'],
    [{ openTelemetrySdk: 'both' }, 'openTelemetrySdk is none of stand-back, replace ("both")'],
    [{ serviceName: 7 }, 'serviceName is no text ("7"): it is left out'],
    [{ headers: { 'bad name': 'x' } }, 'the value of bad name in headers cannot be used'],
    [{ headers: { ok: 'two\nlines' } }, 'the value of ok in headers cannot be used'],
    [{ resourceAttributes: { list: [] } }, 'the value of list in resourceAttributes'],
    [{ flushInterval: 5 }, 'there is no option called flushInterval'],
    ['endpoint', 'the options are no object'],
  ])('%j is told, and something usable is taken instead', (options, problem) => {
    expect(read(options).problems).toEqual([expect.stringContaining(problem)])
  })

  it('name the variable that is wrong', () => {
    const { configuration, problems } = read({}, { PERFLOOP_FLUSH_INTERVAL_MS: '1s' })
    expect(problems).toEqual(['PERFLOOP_FLUSH_INTERVAL_MS is no number ("1s"): 1000 is taken'])
    expect(configuration.flushIntervalMs).toBe(1_000)
  })

  it('without a usable endpoint there is nothing to start', () => {
    expect(() => read({ endpoint: 'somewhere' })).toThrow('the endpoint is no URL: "somewhere')
    expect(() => read({ endpoint: 'ftp://x' })).toThrow('neither http: nor https:')
  })
})
