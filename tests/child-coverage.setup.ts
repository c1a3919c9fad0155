/** Lets the processes that tests start record which of their lines run; see scripts/check-coverage.mjs. */
const directory = process.env.PERFLOOP_TEST_CHILD_COVERAGE
if (directory !== undefined) process.env.NODE_V8_COVERAGE = directory
