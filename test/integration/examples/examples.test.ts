import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMPONENTS, type Pipeline, startPipeline } from '../../support/pipeline.ts'

const ROOT = join(import.meta.dirname, '../../..')
const EXAMPLES = join(ROOT, 'docs/examples')
const run = promisify(execFile)

const resources = new AsyncDisposableStack()
let pipeline: Pipeline

beforeAll(async () => {
  pipeline = resources.use(await startPipeline())
  pipeline.supervise(COMPONENTS)
})
afterAll(() => resources.disposeAsync())

/** Runs an example as a reader would: its own process, told nothing but two addresses. @returns its last line. */
async function lastLineOf(program: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL } = pipeline.stack.env
  const told = Object.entries({ KAFKA_BROKERS, SCHEMA_REGISTRY_URL, ...env }).map(([name, value]) => `${name}=${value}`)
  const { stdout } = await run('env', [...told, program, ...argv], { timeout: 120_000 })
  return stdout.trimEnd().split('\n').at(-1) ?? ''
}

/** What the example printed is what the pipeline decided on the review that it published. */
async function expectScored(line: string): Promise<void> {
  const [, reviewId, shown, model] = /^(\S+) is a spoiler with probability (\S+), says (\S+)$/.exec(line) ?? []
  const published = (await pipeline.records('userActivity')).find(({ value }) => value.review?.reviewId === reviewId)
  expect(published?.value.review).toMatchObject({ userId: 'ada', movieId: 'tt0000001', revision: 0, rating: null })
  const scores = (await pipeline.records('spoilerScores')).filter(({ value }) => value.reviewId === reviewId)
  expect(scores).toHaveLength(1)
  expect(scores[0]?.value).toMatchObject({ modelName: model })
  expect(scores[0]?.value.probability.toFixed(3)).toBe(shown)
}

test('JavaScript: kafkajs publishes a review as plain JSON and reads its score', async () => {
  const line = await lastLineOf(process.execPath, [join(EXAMPLES, 'publish-and-consume.mjs')])
  await expectScored(line)
})

test('Python: confluent-kafka publishes a review as plain JSON and reads its score', async () => {
  const { stdout } = await run(process.execPath, [join(ROOT, 'scripts/example-packages.mjs')])
  const PYTHONPATH = stdout.trimEnd().split('\n').at(-1) ?? ''
  const line = await lastLineOf('python3', [join(EXAMPLES, 'publish_and_consume.py')], { PYTHONPATH })
  await expectScored(line)
})
