import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.{ts,tsx}', 'demo/src/**/*.test.ts', 'tests/**/*.test.ts'],
    setupFiles: ['tests/child-coverage.setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // chDB maps a 566 MB library per process and the machines we promise to run on have two cores.
    pool: 'forks',
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      // Also what no test imports: a file nobody reaches counts as uncovered.
      include: [
        'packages/perfloop/src/**/*.ts',
        'packages/client/src/**/*.ts',
        'packages/dashboard/src/**/*.{ts,tsx}',
      ],
      exclude: ['**/*.test.{ts,tsx}', '**/*.d.ts'],
      reporter: ['json'],
      reportsDirectory: 'coverage',
    },
  },
})
