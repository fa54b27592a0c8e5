import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fetchFromStore } from '../connectors/model-registry.ts'
import { newestDeployments } from '../inference/deployment-log.ts'
import type { Model } from '../inference/model.ts'
import { openModelVersion, PRIOR_FOLDER } from '../inference/model-version.ts'
import { runComponent, whenAvailable } from '../platform/component.ts'
import { prepare, runStreamTask, verifyInBackground } from '../platform/run-stream-task.ts'
import { committedValues, followTopic } from '../platform/topic-values.ts'
import { newestActivations } from './activations.ts'
import { ChallengerSlot } from './challenger.ts'
import { followChallengers } from './challenger-deployments.ts'
import { deploymentTelemetry } from './deployment-telemetry.ts'
import { firstServings, followDeployments, type LoadVersion } from './deployments.ts'
import { assertRoom, roomBytes } from './memory-room.ts'
import { setAsideTeller, writeRefusal } from './refusals.ts'
import { ScoreWorker } from './score-worker.ts'
import { ServingModels } from './serving-models.ts'
import { versionLoader } from './version-loader.ts'

const MOST_PROCESSES = 2

await runComponent({ name: 'scorer', process, env: process.env }, async (context) => {
  const { config, log, signal } = context
  const prepared = await prepare(context, [])
  if (prepared === undefined) return
  const { codec } = prepared
  const telemetry = deploymentTelemetry(context.telemetry.registry, log)
  const processes = config.MODEL_PROCESSES ?? Math.min(MOST_PROCESSES, availableParallelism())
  const onEnd = (err: Error): void => log.warn({ err }, 'a process of the model ended; it is replaced')
  const open = async (folder: string): Promise<Model> => {
    await assertRoom(folder, processes, roomBytes(config))
    return openModelVersion(folder, { processes, onEnd })
  }
  const load: LoadVersion = versionLoader({
    cacheDir: join(config.STATE_DIR, 'models'),
    fetch: ({ modelName: name, modelVersion: version, ...place }, to) =>
      fetchFromStore(config, { name, version, ...place }, to),
    open,
  })
  const readActivations = () => committedValues(config, codec, 'modelActivations')
  const folder = config.MODEL_DIR
  const first = await whenAvailable(context, async () => {
    if (folder !== undefined) return [{ model: await open(folder), deploymentEpoch: 0 }]
    const newest = await newestDeployments(committedValues(config, codec, 'modelDeployments'))
    const recorded = await newestActivations(readActivations())
    return firstServings({ newest, recorded }, { load, openPrior: () => open(PRIOR_FOLDER) })
  })
  if (first === undefined) return
  await using serving = new ServingModels(first, telemetry.serving)
  const follows = folder === undefined
  const refuse = writeRefusal.bind(undefined, { config, codec })
  const onSetAside = setAsideTeller({ telemetry, refuse, log })
  await using challenger = new ChallengerSlot({ onSwitch: telemetry.trial, onSetAside, nowMs: () => performance.now() })
  const worker = new ScoreWorker({ codec, serving, challenger, follows, readActivations })
  const follower = { load, telemetry, refuse, signal }
  const deployments = () => followTopic(config, codec, 'modelDeployments', { signal, log })
  await Promise.all([
    verifyInBackground(context, prepared),
    follows ? followDeployments(deployments(), serving, follower) : undefined,
    follows ? followChallengers(deployments(), challenger, follower) : undefined,
    runStreamTask(context, { name: 'scorer', inputs: ['reviewFeatures'], worker: () => worker }),
  ])
})
