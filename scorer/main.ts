import { join } from 'node:path'
import process from 'node:process'
import { loadModelVersion } from '../inference/model-version.ts'
import { runComponent } from '../platform/component.ts'
import { prepare, runStreamTask, verifyInBackground } from '../platform/run-stream-task.ts'
import { readTopic } from '../platform/topic-reader.ts'
import type { ModelActivation } from '../schemas/generated.ts'
import { ScoreWorker } from './score-worker.ts'

const PRIOR = join(import.meta.dirname, '..', 'inference', 'versions', 'prior')

await runComponent({ name: 'scorer', process, env: process.env }, async (context) => {
  const { config, log } = context
  await using model = await loadModelVersion(config.MODEL_DIR ?? PRIOR)
  log.info({ model: model.name, version: model.version }, 'model version proved')
  const prepared = await prepare(context, [])
  if (prepared === undefined) return
  const { codec } = prepared
  const readActivations = async function* (): AsyncGenerator<ModelActivation> {
    const ledger = readTopic(config, codec, 'modelActivations', { from: 'beginning', follow: false })
    for await (const { decoded } of ledger) if ('value' in decoded) yield decoded.value
  }
  const worker = new ScoreWorker({ codec, serving: { model, deploymentEpoch: 0 }, readActivations })
  await Promise.all([
    verifyInBackground(context, prepared),
    runStreamTask(context, { name: 'scorer', inputs: ['reviewFeatures'], worker: () => worker }),
  ])
})
