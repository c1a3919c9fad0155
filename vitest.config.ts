import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*/src/**/*.test.tsx', 'tests/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // chDB maps a 566 MB library per process and the machines we promise to run on have two cores.
    pool: 'forks',
    maxWorkers: 2,
  },
})
