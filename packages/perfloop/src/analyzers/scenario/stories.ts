import { createTelemetry, type Execution, type Style, type Telemetry } from './telemetry.ts'

/** What an analyzer should say of a story, in the words of a finding. */
export interface PlantedTruth {
  readonly kind: string
  readonly operation: string
  /** Found in the statement text, where it is about one. */
  readonly statement?: string
}

/** An application with one problem, and the same application without it. */
export interface Story {
  readonly name: string
  readonly truth: readonly PlantedTruth[]
  tell(telemetry: Telemetry): void
  tellHealthy(telemetry: Telemetry): void
}

const REQUESTS = 30

function times(count: number, act: (index: number) => void): void {
  for (let index = 0; index < count; index++) act(index)
}

/** Two routes that are as they should be, in every story: a polled look-up, a list with a batch, a small loop. */
function healthyTraffic(telemetry: Telemetry): void {
  times(REQUESTS, index => {
    telemetry.request('GET /harbours/:id', request => {
      request.query(`SELECT * FROM harbours WHERE id = {${index}}`, { rows: 1 })
      request.query(`UPDATE visits SET seen = {${index}} WHERE id = {${index}}`)
    })
    telemetry.request('GET /berths', request => {
      request.query('BEGIN', { ms: 0.1 })
      request.query('SELECT id, name FROM berths ORDER BY name LIMIT {20}', { rows: 20, ms: 3 })
      request.query(`SELECT * FROM moorings WHERE berth_id IN ({${index}}, {8}, {9})`, { rows: 60 })
      times(3, loop => request.query(`SELECT rate FROM tariffs WHERE season = {'s${loop}'}`))
      request.query('COMMIT', { ms: 0.1 })
    })
  })
}

function listOf(request: Execution, rows: number): void {
  request.query('SELECT id, name FROM vessels WHERE active = true ORDER BY name', { rows, ms: 4 })
}

export const STORIES: readonly Story[] = [
  {
    name: 'one query per row',
    truth: [{ kind: 'n-plus-one', operation: 'GET /vessels', statement: 'crew_members' }],
    tell(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, () =>
        telemetry.request('GET /vessels', request => {
          request.query('SELECT * FROM sessions WHERE token = {7}')
          listOf(request, 25)
          times(25, row =>
            request.query(`SELECT * FROM crew_members WHERE vessel_id = {${row}}`, { rows: 3 }),
          )
        }),
      )
    },
    tellHealthy(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, () =>
        telemetry.request('GET /vessels', request => {
          request.query('SELECT * FROM sessions WHERE token = {7}')
          listOf(request, 25)
          request.query('SELECT * FROM crew_members WHERE vessel_id IN ({1}, {2}, {3})', { ms: 3 })
        }),
      )
    },
  },
  {
    name: 'one query per row, with other work in between and under internal spans',
    truth: [{ kind: 'n-plus-one', operation: 'GET /manifests', statement: 'consignors' }],
    tell(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, () =>
        telemetry.request('GET /manifests', request => {
          request.span('load', load => {
            load.query('SELECT * FROM manifests', { rows: 15, ms: 2 })
          })
          request.span('serialize', serialize => {
            times(15, row => {
              serialize.span('serialize manifest', one => {
                one.query(`SELECT * FROM consignors WHERE manifest_id = {${row}}`, { rows: 1 })
                one.compute(0.5)
              })
              if (row < 3) serialize.query(`SELECT port FROM ports WHERE code = {'${row}'}`)
            })
          })
        }),
      )
    },
    tellHealthy(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, () =>
        telemetry.request('GET /manifests', request => {
          request.span('load', load => {
            load.query('SELECT * FROM manifests JOIN consignors USING (manifest_id)', { ms: 3 })
          })
          request.span('serialize', serialize => serialize.compute(8))
        }),
      )
    },
  },
  {
    name: 'one query per row, all at once',
    truth: [{ kind: 'n-plus-one', operation: 'GET /fleet', statement: 'positions' }],
    tell(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, () =>
        telemetry.request('GET /fleet', request => {
          listOf(request, 12)
          request.parallel(
            Array.from({ length: 12 }, (_, row) => (branch: Execution) => {
              branch.query(`SELECT * FROM positions WHERE vessel_id = {${row}}`, { rows: 1, ms: 5 })
            }),
          )
        }),
      )
    },
    tellHealthy(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, () =>
        telemetry.request('GET /fleet', request => {
          listOf(request, 12)
          request.query('SELECT * FROM positions WHERE vessel_id IN ({1}, {2})', { ms: 6 })
        }),
      )
    },
  },
  {
    name: 'a job that writes row by row',
    truth: [{ kind: 'n-plus-one', operation: 'import tide tables', statement: 'INSERT' }],
    tell(telemetry) {
      healthyTraffic(telemetry)
      telemetry.job('import tide tables', job => {
        times(200, row => {
          job.query('SAVEPOINT one', { ms: 0.1 })
          // Each waits for the disk: its time is no sign of many rows.
          job.query(`INSERT INTO tides (harbour, height) VALUES ({${row}}, {${row * 2}})`, {
            ms: 20,
            rows: 1,
          })
          job.query('RELEASE SAVEPOINT one', { ms: 0.1 })
        })
      })
    },
    tellHealthy(telemetry) {
      healthyTraffic(telemetry)
      telemetry.job('import tide tables', job => {
        times(2, row =>
          job.query(`INSERT INTO tides (harbour, height) VALUES ({${row}}, {2}), ({3}, {4})`, {
            ms: 20,
          }),
        )
      })
    },
  },
  {
    name: 'one slow statement',
    truth: [{ kind: 'slow-statement', operation: 'GET /reports/dues', statement: 'dues' }],
    tell(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, index =>
        telemetry.request('GET /reports/dues', request => {
          request.query(`SELECT * FROM dues WHERE remark LIKE {'%${index}%'}`, {
            rows: 40,
            ms: 320,
          })
        }),
      )
    },
    tellHealthy(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, index =>
        telemetry.request('GET /reports/dues', request => {
          // One straggler is not a slow statement.
          request.query(`SELECT * FROM dues WHERE remark LIKE {'${index}%'}`, {
            rows: 40,
            ms: index === 3 ? 400 : 12,
          })
        }),
      )
    },
  },
  {
    name: 'a slow template',
    truth: [{ kind: 'slow-operation', operation: 'GET /almanac' }],
    tell(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, () =>
        telemetry.request('GET /almanac', request => {
          listOf(request, 5)
          request.span('render_template', template => template.compute(900), {
            'template.name': 'almanac.html',
          })
        }),
      )
    },
    tellHealthy(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, () =>
        telemetry.request('GET /almanac', request => {
          listOf(request, 5)
          request.span('render_template', template => template.compute(30), {
            'template.name': 'almanac.html',
          })
        }),
      )
    },
  },
  {
    name: 'requests that fail',
    truth: [{ kind: 'error-rate', operation: 'POST /bookings' }],
    tell(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, index =>
        telemetry.request('POST /bookings', request => {
          request.query(`INSERT INTO bookings (berth) VALUES ({${index}})`)
          if (index % 3 === 0) request.fail('PilotUnavailable', 'no pilot is on duty')
        }),
      )
    },
    tellHealthy(telemetry) {
      healthyTraffic(telemetry)
      times(REQUESTS, index =>
        telemetry.request('POST /bookings', request => {
          request.query(`INSERT INTO bookings (berth) VALUES ({${index}})`)
          if (index === 7) request.fail('PilotUnavailable', 'no pilot is on duty')
        }),
      )
    },
  },
]

/** A story as the telemetry of an application called `harbour`, or as told. */
export function tell(
  story: Story,
  options: {
    readonly seed: number
    readonly style: Style
    readonly healthy?: boolean
    readonly service?: string
  },
): Telemetry {
  const telemetry = createTelemetry({
    seed: options.seed,
    style: options.style,
    service: options.service ?? 'harbour',
  })
  if (options.healthy === true) story.tellHealthy(telemetry)
  else story.tell(telemetry)
  return telemetry
}
