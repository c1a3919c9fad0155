import { defineConfig } from 'vitest/config'

const common = {
  setupFiles: ['tests/child-coverage.setup.ts'],
  testTimeout: 60_000,
  hookTimeout: 120_000,
  pool: 'forks' as const,
}

export default defineConfig({
  test: {
    // chDB maps a 566 MB library per process and the machines we promise to run on have two cores.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...common,
          name: 'parts',
          include: ['packages/*/src/**/*.test.{ts,tsx}', 'demo/src/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Whole servers, applications and browsers: one file at a time, after the parts.
        test: {
          ...common,
          name: 'system',
          include: ['tests/**/*.test.ts'],
          testTimeout: 120_000,
          fileParallelism: false,
          // On a machine shared with strangers a browser or a database may stall; a retry is printed.
          retry: process.env.CI === undefined ? 0 : 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    coverage: {
      provider: 'v8',
      reportOnFailure: true,
      // Also what no test imports: a file nobody reaches counts as uncovered.
      include: [
        'packages/perfloop/src/**/*.ts',
        'packages/agent/src/**/*.ts',
        'packages/client/src/**/*.ts',
        'packages/dashboard/src/**/*.{ts,tsx}',
      ],
      exclude: ['**/*.test.{ts,tsx}', '**/*.d.ts'],
      reporter: ['json'],
      reportsDirectory: 'coverage',
    },
  },
})
