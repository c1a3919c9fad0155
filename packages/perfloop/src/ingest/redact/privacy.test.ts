import { describe, expect, it } from 'vitest'
import { scratchBuffer, sendProtobuf } from '../columns/scratch-engine.ts'
import { NOW_MS, sentAttributes, sentLogs, sentSpan, sentTraces } from '../decode/otlp-fixture.ts'
import type { NativeBlock } from '../ingest-buffer.ts'

const EMAIL = 'ada.lovelace@example.org'
const IDENTITY = '850312-4471'
const CARD = '4111 1111 1111 1111'
const TOKEN = 'abcdef0123456789abcdef'
const SECRETS = [EMAIL, 'ada.lovelace', IDENTITY, '8503124471', CARD, TOKEN, 'hunter2']

const ENCODED = encodeURIComponent(EMAIL)
const failure = [
  `duplicate key value violates unique constraint "users_email_key"`,
  `DETAIL: Key (email)=(${EMAIL}) already exists.`,
  `while running INSERT INTO users (email, ssn) VALUES ('${EMAIL}', '${IDENTITY}')`,
].join('\n')

const statements = [
  `SELECT * FROM users WHERE email = '${EMAIL}' AND ssn = '${IDENTITY}' AND active = TRUE AND gone IS NULL`,
  `INSERT INTO cards (number) VALUES ('${CARD}'), ('${IDENTITY}')`,
  `UPDATE users SET note = $$${EMAIL}$$ WHERE id = 8503124471`,
  `SELECT 1 /* ${EMAIL} */ -- ${IDENTITY}`,
]

function spans() {
  const events = [
    {
      timeUnixNano: String(BigInt(NOW_MS) * 1_000_000n),
      name: 'exception',
      attributes: sentAttributes({
        'exception.type': 'UniqueViolation',
        'exception.message': failure,
        'exception.stacktrace': `UniqueViolation: ${failure}\n    at save (/app/users.js:10:5)`,
      }),
    },
    {
      timeUnixNano: String(BigInt(NOW_MS) * 1_000_000n),
      name: `mail to ${EMAIL}`,
      attributes: sentAttributes({ 'db.statement': statements[0] ?? '', password: 'hunter2' }),
    },
  ]
  const web = {
    'http.request.method': 'GET',
    'url.full': `https://ada:hunter2@shop.example.com/find?email=${EMAIL}&id=${IDENTITY}`,
    'url.path': `/users/${EMAIL}/orders`,
    'url.query': `email=${ENCODED}&ssn=${IDENTITY}`,
    'http.target': `/find?email=${EMAIL}&ssn=${IDENTITY}`,
    'http.url': `https://shop.example.com/find?q=${ENCODED}`,
    'http.request.header.authorization': `Bearer ${TOKEN}`,
    'http.request.header.cookie': `session=${TOKEN}`,
    'http.response.header.set-cookie': { arrayValue: { values: [{ stringValue: `s=${TOKEN}` }] } },
    'http.request.header.referer': `https://x.example.com/?mail=${EMAIL}`,
    'http.request.header.x-forwarded-user': EMAIL,
    'my.password': 'hunter2',
    clientSecret: 'hunter2',
    'auth.access_token': TOKEN,
    config: { kvlistValue: { values: sentAttributes({ db_password: 'hunter2', port: '5432' }) } },
    'graphql.document': `query { user(password: "hunter2") { id } }`,
    'process.command_args': { arrayValue: { values: [{ stringValue: 'hunter2' }] } },
  }
  return [
    sentSpan({
      id: 1,
      kind: 2,
      name: `GET /users/${EMAIL}/orders`,
      attributes: web,
      events,
      status: { code: 2, message: failure },
    }),
    sentSpan({ id: 2, parent: 1, kind: 3, attributes: web }),
    ...statements.flatMap((statement, i) => [
      sentSpan({
        id: 10 + i,
        parent: 1,
        kind: 3,
        name: statement,
        attributes: {
          'db.system.name': 'postgresql',
          'db.query.text': statement,
          'db.query.parameter.0': EMAIL,
          'db.query.parameter.ssn': IDENTITY,
        },
      }),
      sentSpan({
        id: 20 + i,
        parent: 1,
        kind: 3,
        attributes: {
          'db.system': 'mysql',
          'db.statement': statement,
          'db.statement.parameters': `["${EMAIL}"]`,
          'db.sql.parameters': { arrayValue: { values: [{ stringValue: IDENTITY }] } },
        },
      }),
    ]),
    sentSpan({
      id: 40,
      kind: 3,
      attributes: { 'db.system': 'redis', 'db.statement': `SET user:${EMAIL} ${IDENTITY}` },
    }),
    sentSpan({
      id: 41,
      kind: 3,
      attributes: {
        'db.system': 'mongodb',
        'db.statement': `{"find":"users","filter":{"email":"${EMAIL}"}}`,
        'db.operation': 'find',
      },
    }),
    ...statements.map((statement, i) =>
      sentSpan({
        id: 50 + i,
        attributes: {
          'my.sql': statement,
          'orm.last query': `  /* ${EMAIL} */ (${statement})`,
          nested: { kvlistValue: { values: sentAttributes({ text: statement }) } },
          list: { arrayValue: { values: [{ stringValue: statement }] } },
        },
      }),
    ),
    sentSpan({
      id: 60,
      attributes: {
        'db.system': 'sqlite',
        'db.statement': `SELECT * FROM users WHERE email = "${EMAIL}" AND ssn IN ("${IDENTITY}")`,
      },
    }),
    sentSpan({
      id: 42,
      kind: 3,
      attributes: { 'db.query.text': statements[0] ?? '', 'db.statement': statements[1] ?? '' },
    }),
  ]
}

function logs() {
  const time = { timeUnixNano: String(BigInt(NOW_MS) * 1_000_000n) }
  return [
    { ...time, body: { stringValue: failure } },
    { ...time, body: { stringValue: `login of ${EMAIL} with password=hunter2, Bearer ${TOKEN}` } },
    { ...time, body: { kvlistValue: { values: sentAttributes({ mail: EMAIL, card: CARD }) } } },
    { ...time, attributes: sentAttributes({ 'exception.message': `no user ${EMAIL}` }) },
    { ...time, body: { stringValue: 'x' }, eventName: `login ${EMAIL}` },
  ]
}

function secretsIn(blocks: readonly NativeBlock[]): string[] {
  return blocks.flatMap(block => {
    const bytes = Buffer.from(block.bytes)
    return [...SECRETS, ENCODED]
      .filter(secret => bytes.includes(secret))
      .map(secret => `${secret} in ${block.table}`)
  })
}

describe('what must not be stored', () => {
  it.each([true, false])(
    'is in no byte of any block (pattern compression %s)',
    patternCompression => {
      const buffer = scratchBuffer({ patternCompression })
      expect(sendProtobuf(buffer, 'traces', sentTraces(spans())).rejected).toBe(0)
      expect(sendProtobuf(buffer, 'logs', sentLogs(logs())).rejected).toBe(0)
      expect(secretsIn(buffer.take(NOW_MS / 1000))).toEqual([])
    },
  )

  it('is in no byte when attributes go as one document, beyond the bound on key lists', () => {
    const buffer = scratchBuffer()
    const [, , statement] = spans()
    const varied = Array.from({ length: 9_000 }, (_, i) =>
      sentSpan({ id: i + 1, attributes: { [`key ${i}`]: 'x' } }),
    )
    sendProtobuf(buffer, 'traces', sentTraces([...varied, ...spans(), statement ?? {}]))
    expect(buffer.statistics().limited.shape_overflow).toBeGreaterThan(0)
    expect(secretsIn(buffer.take(NOW_MS / 1000))).toEqual([])
  })

  it.each([
    'EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM users WHERE ssn = V',
    'explain query plan select * from users where ssn = V',
    'BEGIN; UPDATE users SET ssn = V WHERE id = 1',
    'INSERT OR REPLACE INTO users VALUES (V)',
    'INSERT IGNORE INTO users (ssn) VALUES (V)',
    'INSERT users (ssn) VALUES (V)',
    'REPLACE users SET ssn = V',
    'DELETE users WHERE ssn = V',
    'MERGE users AS u USING others AS o ON u.ssn = V WHEN MATCHED THEN DELETE',
    'WITH "of her" AS (SELECT V) SELECT 1',
    'VALUES (V, 1), (V, 2)',
    'SELECT V WHERE 1 = 1',
    'ALTER USER keeper WITH PASSWORD V',
    '\ufeffSELECT name FROM users WHERE ssn = V',
    '\ufeff  -- found\nSELECT name FROM users WHERE ssn = V',
    'executing SELECT name FROM users WHERE ssn = V',
    'Executing (default): SELECT name FROM users WHERE ssn = V',
    'Failed query: insert into "users" ("ssn") values (V)',
    'Hibernate: update users set ssn = V',
    'Running SQL statement: UPDATE users SET ssn = V',
    'SET a.b=V',
    'SET LOCAL app.current_user TO V',
    'SET SESSION app."user" = V',
    'SET @ssn := V',
    'DO $$BEGIN PERFORM notify(V); END$$',
    'DO LANGUAGE plpgsql $body$ BEGIN UPDATE users SET ssn = V; END $body$',
    'CREATE OR REPLACE FUNCTION hers() RETURNS text AS $$ SELECT V $$ LANGUAGE sql',
  ])('has no value of a statement under any key: %s', statement => {
    const buffer = scratchBuffer()
    const attributes = { 'my.sql': statement.replaceAll(/\bV\b/g, `'hush-hush'`) }
    sendProtobuf(buffer, 'traces', sentTraces([sentSpan({ id: 1, attributes })]))
    const stored = buffer.take(NOW_MS / 1000).map(({ bytes }) => Buffer.from(bytes).toString())
    expect(stored.join()).not.toContain('hush')
  })

  it('leaves sentences that only begin like a statement', () => {
    const buffer = scratchBuffer()
    const sentences = [
      "Select one of 3 items in the 'new' list",
      "Update 'cart' to version 17 now",
      'Delete the order 4711, please',
      "With 2 items as 'gift'",
      "Insert the 2 items of 'cart' again",
      "Begin with step 2 of 'checkout'",
      "Merge 'left' with 'right' using 3 hands",
      "Create user 'keeper' with 2 roles",
      "Executing step 3 of 'checkout'",
      "Query of 3 words: 'red shoes'",
      "Set the table for 4, said 'Ada'",
      "Do 3 things 'at once'",
      "Failed: 3 of 17 in 'cart'",
    ]
    sendProtobuf(
      buffer,
      'traces',
      sentTraces(sentences.map((hint, i) => sentSpan({ id: i + 1, attributes: { hint } }))),
    )
    const stored = buffer.take(NOW_MS / 1000).map(({ bytes }) => Buffer.from(bytes).toString())
    for (const sentence of sentences) expect(stored.join()).toContain(sentence)
  })

  it('leaves booleans, NULL and the shape of the statement', () => {
    const buffer = scratchBuffer()
    sendProtobuf(buffer, 'traces', sentTraces(spans()))
    const patterns = buffer.take(NOW_MS / 1000).find(block => block.table === 'patterns')
    const text = Buffer.from(patterns?.bytes ?? []).toString()
    expect(text).toContain('email = ? AND ssn = ? AND active = TRUE AND gone IS NULL')
    expect(text).toContain('SET ?')
    expect(text).toContain('find')
  })
})
