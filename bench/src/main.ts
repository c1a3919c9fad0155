import { inspect, parseArgs } from 'node:util'

/** Every number Perfloop claims has one benchmark; `npm run bench -- NAME [--json] [--data DIR] …`. */
const BENCHMARKS: Readonly<Record<string, { readonly what: string; load(): Promise<Benchmark> }>> =
  {
    ingest: {
      what: 'spans per second, acknowledged, synced, stored, rolled up',
      load: () => import('./ingest.ts'),
    },
    storage: {
      what: 'disk after merging ÷ OTLP protobuf bodies; traces rebuilt',
      load: () => import('./storage.ts'),
    },
    query: {
      what: 'dashboard queries over 10 M spans and 30 days, ms',
      load: () => import('./query.ts'),
    },
    rest: { what: 'memory and CPU at rest, start to ready', load: () => import('./rest.ts') },
    live: { what: 'receipt of a span to its id on the page, ms', load: () => import('./live.ts') },
    api: { what: 'primary reads while ingesting, ms', load: () => import('./api.ts') },
    fingerprint: {
      what: 'µs a statement with a cold cache; vectors passed',
      load: () => import('./fingerprint.ts'),
    },
    decode: {
      what: 'µs a span from protobuf to Native columns',
      load: () => import('./decode.ts'),
    },
    agent: {
      what: 'CPU, latency, memory and start of an application with the agent, without, and with other agents',
      load: () => import('./agent.ts'),
    },
    crash: {
      what: 'spans lost and doubled under kill -9 and a full disk',
      load: () => import('./crash.ts'),
    },
  }

export interface BenchOptions {
  readonly json: boolean
  /** Folder of corpora, or undefined. */
  readonly data: string | undefined
  /** Folder on a real disk for the servers under test. */
  readonly directory: string | undefined
  readonly seconds: number | undefined
  readonly spans: number | undefined
  /** Path of the Node that runs the application under an agent. */
  readonly node: string | undefined
  /** One part of the benchmark, where it has parts. */
  readonly only: string | undefined
}

interface Benchmark {
  /** Prints progress to stderr; returns the figures, units in the names. */
  run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>>
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
    directory: { type: 'string' },
    seconds: { type: 'string' },
    spans: { type: 'string' },
    node: { type: 'string' },
    only: { type: 'string' },
  },
})

const benchmark = BENCHMARKS[positionals[0] ?? '']
if (benchmark === undefined) {
  console.error(
    'usage: npm run bench -- NAME [--json] [--data DIR] [--directory DIR] [--seconds N] [--spans N] [--node PATH] [--only PART]\n',
  )
  for (const [name, { what }] of Object.entries(BENCHMARKS))
    console.error(`  ${name.padEnd(12)} ${what}`)
  process.exit(2)
}

const figures = await (await benchmark.load()).run({
  json: values.json,
  data: values.data,
  directory: values.directory,
  seconds: values.seconds === undefined ? undefined : Number(values.seconds),
  spans: values.spans === undefined ? undefined : Number(values.spans),
  node: values.node,
  only: values.only,
})
if (values.json) console.log(JSON.stringify(figures))
else console.log(inspect(figures, { depth: null, breakLength: 120, colors: process.stdout.isTTY }))
process.exit(0)
