import { defineConfig } from 'vitest/config'

const MINUTE_MS = 60_000

export default defineConfig({
  test: {
    allowOnly: false, // a forgotten `.only` would hide all other tests
    teardownTimeout: MINUTE_MS,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/{integration,faults}/**/*.test.ts'],
          pool: 'forks', // the native Kafka client loads once per process
          fileParallelism: false, // each file brings up its own stack
          env: { UV_THREADPOOL_SIZE: '32' }, // consume() holds a pool thread while it waits
          testTimeout: 5 * MINUTE_MS,
          hookTimeout: 5 * MINUTE_MS,
        },
      },
      {
        test: {
          name: 'images', // minutes: npm run test:images
          include: ['test/images/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 20 * MINUTE_MS,
        },
      },
      ...['feast', 'evidently'].map((name) => ({
        test: {
          name, // beside the real one: npm run test:feast, npm run test:evidently
          include: [`test/${name}/**/*.test.ts`],
          testTimeout: 15 * MINUTE_MS,
          hookTimeout: 15 * MINUTE_MS,
        },
      })),
    ],
  },
})
