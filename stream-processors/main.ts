// The folds in one process. Arguments choose which; none means all.
import process from 'node:process'
import { openS3Snapshots } from '../connectors/s3-snapshots.ts'
import { codeFingerprint } from '../platform/code-fingerprint.ts'
import { runComponent } from '../platform/component.ts'
import { type FoldOptions, prepare, runFold, verifyInBackground } from '../platform/run-stream-task.ts'
import { type TopicId, topics } from '../schemas/topics.ts'
import { drift } from './drift/drift.ts'
import { driftFeatures } from './drift/drift-features.ts'
import { driftScores } from './drift/drift-scores.ts'
import { intake } from './intake.ts'
import { movieContext } from './movie-context.ts'
import { userHistory } from './user-history.ts'

const chosen = new Set(process.argv.slice(2))
const runs = ({ name }: { readonly name: string }): boolean => chosen.size === 0 || chosen.has(name)

await runComponent({ name: 'folds', process, env: process.env }, async (context) => {
  const prepared = await prepare(context, [
    { ...userHistory, input: 'userActivity' },
    { ...movieContext, input: 'movieActivity' },
    { ...driftFeatures, input: 'reviewFeatures' },
    { ...driftScores, input: 'spoilerScores' },
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
  await Promise.all([
    verifyInBackground(context, prepared),
    ...(runs(intake) ? [runFold(context, intake, { codec, inputs: ['reviews', 'reviewLabels', 'movies'] })] : []),
    ...(runs(userHistory) ? [runFold(context, userHistory, recorded('userActivity', './user-history.ts'))] : []),
    ...(runs(movieContext) ? [runFold(context, movieContext, recorded('movieActivity', './movie-context.ts'))] : []),
    ...(runs(driftFeatures) ? [runFold(context, driftFeatures, { codec, inputs: ['reviewFeatures'] })] : []),
    ...(runs(driftScores) ? [runFold(context, driftScores, { codec, inputs: ['spoilerScores'] })] : []),
    ...(runs(drift) ? [runFold(context, drift, { codec, inputs: ['driftPartials'] })] : []),
  ])
})
