import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fetchVersion, versionSource } from '../connectors/model-registry.ts'
import type { Model } from '../inference/model.ts'
import { openModelVersion, PRIOR_FOLDER } from '../inference/model-version.ts'
import { runComponent, whenAvailable } from '../platform/component.ts'
import type { Config } from '../platform/config.ts'
import { prepare, runStreamTask, verifyInBackground } from '../platform/run-stream-task.ts'
import { committedValues, followValues } from '../platform/topic-values.ts'
import { newestActivation } from './activations.ts'
import { deploymentTelemetry } from './deployment-telemetry.ts'
import { type Deployed, firstServing, followDeployments, newestDeployment } from './deployments.ts'
import { ScoreWorker } from './score-worker.ts'
import { ServingModel } from './serving-model.ts'
import { versionLoader } from './version-loader.ts'

const MOST_PROCESSES = 2

/** The client of S3 takes a second to load: it is loaded when a version is missing here. */
async function fetch(config: Config, version: Deployed, folder: string): Promise<void> {
  const { openS3ObjectStore } = await import('../connectors/s3-object-store.ts')
  using store = openS3ObjectStore(config)
  const { modelName, modelVersion } = version
  const place = versionSource(config.S3_PREFIX, { name: modelName, version: modelVersion })
  await fetchVersion(store, version.source ?? place, folder)
}

await runComponent({ name: 'scorer', process, env: process.env }, async (context) => {
  const { config, log, signal } = context
  const prepared = await prepare(context, [])
  if (prepared === undefined) return
  const { codec } = prepared
  const telemetry = deploymentTelemetry(context.telemetry.registry, log)
  const processes = config.MODEL_PROCESSES ?? Math.min(MOST_PROCESSES, availableParallelism())
  const onEnd = (err: Error): void => log.warn({ err }, 'a process of the model ended; it is replaced')
  const open = (folder: string): Promise<Model> => openModelVersion(folder, { processes, onEnd })
  const cacheDir = join(config.STATE_DIR, 'models')
  const load = versionLoader({ cacheDir, fetch: (version, folder) => fetch(config, version, folder), open })
  const readActivations = () => committedValues(config, codec, 'modelActivations')
  const folder = config.MODEL_DIR
  const first = await whenAvailable(context, async () => {
    if (folder !== undefined) return { model: await open(folder), deploymentEpoch: 0 }
    const newest = await newestDeployment(committedValues(config, codec, 'modelDeployments'))
    const recorded = await newestActivation(readActivations())
    return firstServing({ newest, recorded }, { load, telemetry, openPrior: () => open(PRIOR_FOLDER) })
  })
  if (first === undefined) return
  await using serving = new ServingModel(first, (now) => {
    telemetry.serving(now)
  })
  const follows = folder === undefined
  const worker = new ScoreWorker({ codec, serving, follows, readActivations })
  const deployments = followValues(config, codec, 'modelDeployments', { signal, log })
  await Promise.all([
    verifyInBackground(context, prepared),
    follows ? followDeployments(deployments, serving, { load, telemetry, signal }) : undefined,
    runStreamTask(context, { name: 'scorer', inputs: ['reviewFeatures'], worker: () => worker }),
  ])
})
