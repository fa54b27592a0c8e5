// The folds in one process. Arguments choose which; none means all.
import process from 'node:process'
import { openS3Snapshots } from '../connectors/s3-snapshots.ts'
import { codeFingerprint } from '../platform/code-fingerprint.ts'
import { runComponent } from '../platform/component.ts'
import { type FoldOptions, prepare, runFold, verifyInBackground } from '../platform/run-stream-task.ts'
import { FEATURE_SERVICES } from '../schemas/feature-services.ts'
import { type TopicId, topics } from '../schemas/topics.ts'
import { drift } from './drift/drift.ts'
import { driftFeatures } from './drift/drift-features.ts'
import { driftOutcomes } from './drift/drift-outcomes.ts'
import { driftScores } from './drift/drift-scores.ts'
import { evaluator } from './evaluator.ts'
import { intake } from './intake.ts'
import { movieContext } from './movie-context.ts'
import { scoreIntake } from './score-intake.ts'
import { userHistory } from './user-history.ts'

const chosen = new Set(process.argv.slice(2))
const runs = ({ name }: { readonly name: string }): boolean => chosen.size === 0 || chosen.has(name)

/**
 * Least time between two commits of the folds that watch: no score waits for them, and every commit holds all counters
 * that changed.
 */
const WATCHING_COMMIT_MS = 1_000

await runComponent({ name: 'folds', process, env: process.env }, async (context) => {
  const service = FEATURE_SERVICES[context.config.FEATURE_SERVICE]
  const movies = movieContext(() => service)
  const prepared = await prepare(context, [
    { ...userHistory, input: 'userActivity' },
    { ...movies, input: 'movieActivity' },
    { ...evaluator, input: 'scoreActivity' },
    { ...driftFeatures, input: 'reviewFeatures' },
    { ...driftScores, input: 'spoilerScores' },
    { ...driftOutcomes, input: 'scoreOutcomes' },
    { ...drift, input: 'driftPartials' },
  ])
  if (prepared === undefined) return
  const { codec } = prepared
  const recorded = (input: TopicId, module: string): FoldOptions => {
    const topic = topics[input].name
    const source = { topic, topicId: prepared.topics.get(topic)?.id ?? '' }
    const code = codeFingerprint(new URL(module, import.meta.url))
    return { codec, inputs: [input], snapshots: { source, code, open: () => openS3Snapshots(context.config) } }
  }
  const watching = { ...context, config: { ...context.config, COMMIT_INTERVAL_MS: WATCHING_COMMIT_MS } }
  await Promise.all([
    verifyInBackground(context, prepared),
    ...(runs(intake) ? [runFold(context, intake, { codec, inputs: ['reviews', 'reviewLabels', 'movies'] })] : []),
    ...(runs(userHistory) ? [runFold(context, userHistory, recorded('userActivity', './user-history.ts'))] : []),
    ...(runs(movies) ? [runFold(context, movies, recorded('movieActivity', './movie-context.ts'))] : []),
    ...(runs(scoreIntake)
      ? [runFold(watching, scoreIntake, { codec, inputs: ['spoilerScores', 'shadowScores'] })]
      : []),
    ...(runs(evaluator) ? [runFold(watching, evaluator, recorded('scoreActivity', './evaluator.ts'))] : []),
    ...(runs(driftFeatures) ? [runFold(watching, driftFeatures, { codec, inputs: ['reviewFeatures'] })] : []),
    ...(runs(driftScores) ? [runFold(watching, driftScores, { codec, inputs: ['spoilerScores'] })] : []),
    ...(runs(driftOutcomes) ? [runFold(watching, driftOutcomes, { codec, inputs: ['scoreOutcomes'] })] : []),
    ...(runs(drift) ? [runFold(watching, drift, { codec, inputs: ['driftPartials'] })] : []),
  ])
})
