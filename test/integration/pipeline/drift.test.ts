import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GroupConsumer } from '../../../platform/kafka-consumer.ts'
import type { DriftEvent } from '../../../schemas/generated.ts'
import { topics } from '../../../schemas/topics.ts'
import { drift } from '../../../stream-processors/drift/drift.ts'
import { valuesTo } from '../../support/fold-chain.ts'
import { COMPONENTS, type Pipeline, startPipeline, until } from '../../support/pipeline.ts'
import { shield } from '../../support/shield.ts'
import { drive } from '../../support/topology-test-driver.ts'

/** Half a second a day: two weeks to learn, then spam. */
const WORLD = ['--seed', '3', '--rate', '400', '--speed', '172800', '--back', '40d', '--start', '2026-01-05', '--json']
const resources = new AsyncDisposableStack()
let pipeline: Pipeline

beforeAll(async () => {
  pipeline = resources.use(await startPipeline(['kafka', 'registry']))
})
afterAll(() => resources.disposeAsync())

test('a spam wave on the running pipeline raises an alarm in plain words; partials folded again give the same windows and events', async () => {
  const supervisor = pipeline.supervise(COMPONENTS.filter(({ name }) => name !== 'sinks'))
  const produced = shield(pipeline, ['produce', 'world', ...WORLD, '--scenario', 'spam-wave@26d'])
  let raised: DriftEvent | undefined
  await until(
    'an alarm on reviews',
    async () => {
      const events = (await pipeline.records('driftEvents')).map(({ value }) => value)
      raised = events.find(({ state, subject, endMs }) => state === 'raised' && subject === SUBJECT && endMs > ONSET_MS)
      return raised !== undefined
    },
    240_000,
  )
  expect(raised?.cause).toMatch(/^share of reviews .* rose from .* % to .* %/)
  expect(raised?.modelName).toBe('prior')
  expect((await produced).exitCode).toBe(0)
  await supervisor[Symbol.asyncDispose]()

  const recorded = {
    windows: (await pipeline.records('driftWindows')).map(({ value }) => value),
    events: (await pipeline.records('driftEvents')).map(({ value }) => value),
  }
  const { output } = drive(drift, await foldedPartials())
  expect(valuesTo('driftWindows', output)).toEqual(recorded.windows)
  expect(valuesTo('driftEvents', output)).toEqual(recorded.events)

  const listed = await shield(pipeline, ['drift', 'ls', '--json'])
  expect(
    listed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(recorded.events)
  const page = join(pipeline.config.STATE_DIR, 'drift.html')
  const report = await shield(pipeline, ['drift', 'report', '--html', page])
  expect(report.stdout).toContain(SUBJECT)
  expect(readFileSync(page, 'utf8')).toContain(raised?.cause.slice(0, 30))
})

/** Those that the merger had folded when it was stopped; its tasks may have written more. */
async function foldedPartials() {
  await using merger = await GroupConsumer.observe(pipeline.config, drift.name)
  const [folded] = await merger.committed([{ topic: topics.driftPartials.name, partition: 0 }])
  return (await pipeline.records('driftPartials')).filter(({ position }) => position.offset < (folded?.offset ?? 0))
}

const SUBJECT = 'features/spoiler_v1'
const ONSET_MS = Date.UTC(2026, 0, 5) - 14 * 86_400_000
