// Public Node applications and packages, as their authors published them: how each is got, and what is asked of it. Versions
// are fixed so that two runs compare; `--latest` takes today's.

/** From the package's own archive, which holds its tests; its development packages are installed beside it. */
const archive = (name, version) => ({ archive: [name, version] })
/** From a generator, run in an empty folder; it makes the folder `app`. */
const generated = (generator, version, ...arguments_) => ({
  generator: [generator, version, arguments_],
})

const NODE_TESTS = ['node', '--test', '--test-reporter=tap', '--test-concurrency=2']
const testsOf = pattern => ({ tests: NODE_TESTS, files: pattern })
const JAVASCRIPT_TESTS = /(?:^|\/)test\/.*\.test\.[cm]?js$/

export const APPLICATIONS = [
  {
    name: 'fastify',
    source: archive('fastify', '5.12.8'),
    ...testsOf(JAVASCRIPT_TESTS),
  },
  {
    name: 'fastify-cookie',
    source: archive('@fastify/cookie', '11.1.5'),
    ...testsOf(JAVASCRIPT_TESTS),
  },
  {
    name: 'fastify-cors',
    source: archive('@fastify/cors', '11.4.3'),
    ...testsOf(JAVASCRIPT_TESTS),
  },
  {
    name: 'fastify-etag',
    source: archive('@fastify/etag', '6.2.0'),
    ...testsOf(JAVASCRIPT_TESTS),
  },
  {
    name: 'fastify-sensible',
    source: archive('@fastify/sensible', '6.0.6'),
    ...testsOf(JAVASCRIPT_TESTS),
  },
  {
    name: 'fastify-static',
    source: archive('@fastify/static', '10.1.11'),
    ...testsOf(JAVASCRIPT_TESTS),
  },
  {
    name: 'fastify-starter',
    source: generated('fastify-cli', '8.0.2', 'generate', 'app'),
    ...testsOf(JAVASCRIPT_TESTS),
    start: 'node_modules/.bin/fastify start --port PORT app.js'.split(' '),
    paths: ['/', '/example', '/nowhere'],
  },
  {
    name: 'express-http-proxy',
    source: archive('express-http-proxy', '2.1.2'),
    tests: ['node_modules/.bin/mocha', '--reporter=tap', 'test', '--recursive', '--exit'],
  },
  {
    name: 'loopback-todo',
    source: archive('@loopback/example-todo', '6.0.0'),
    tests: ['node_modules/.bin/lb-mocha', '--reporter=tap', 'dist/__tests__/**/*.js'],
  },
  {
    name: 'nest-starter',
    source: generated(
      '@nestjs/cli',
      '12',
      ...'new app --package-manager npm --skip-git --skip-install'.split(' '),
    ),
    build: ['node_modules/.bin/nest', 'build'],
    start: ['node', 'dist/main.js'],
    paths: ['/', '/nowhere'],
    tests: [
      ...'node_modules/.bin/vitest run --reporter=tap-flat --config vitest.config.e2e.ts'.split(
        ' ',
      ),
    ],
  },
  {
    name: 'next-app-router',
    source: generated('create-next-app', '16', 'app', ...NEXT('--app', '--empty')),
    build: ['node_modules/.bin/next', 'build'],
    start: ['node_modules/.bin/next', 'start', '--port', 'PORT'],
    paths: ['/', '/favicon.ico', '/nowhere', '/_next/image?url=%2Fnext.svg&w=64&q=75'],
  },
  {
    name: 'next-pages-router',
    source: generated('create-next-app', '16', 'app', ...NEXT('--no-app', '--empty')),
    build: ['node_modules/.bin/next', 'build'],
    start: ['node_modules/.bin/next', 'start', '--port', 'PORT'],
    paths: ['/', '/api/hello', '/favicon.ico', '/nowhere', '/api/nowhere'],
  },
  {
    name: 'next-api',
    source: generated('create-next-app', '16', 'app', ...NEXT('--api')),
    build: ['node_modules/.bin/next', 'build'],
    start: ['node_modules/.bin/next', 'start', '--port', 'PORT'],
    paths: ['/', '/one', '/two%20words', '/nowhere/deep'],
  },
]

function NEXT(...template) {
  const plain = '--ts --no-eslint --no-tailwind --no-src-dir --no-react-compiler --import-alias @/*'
  return [...template, ...plain.split(' '), '--use-npm', '--disable-git', '--skip-install']
}
