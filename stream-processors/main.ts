// The folds in one process. Arguments choose which; none means all.
import process from 'node:process'
import { runComponent } from '../platform/component.ts'
import { prepare, runFold, verifyInBackground } from '../platform/run-stream-task.ts'
import { FEATURE_SERVICES } from '../schemas/feature-services.ts'
import { intake } from './intake.ts'
import { movieContext } from './movie-context.ts'
import { userHistory } from './user-history.ts'

const chosen = new Set(process.argv.slice(2))
const runs = ({ name }: { readonly name: string }): boolean => chosen.size === 0 || chosen.has(name)

await runComponent({ name: 'folds', process, env: process.env }, async (context) => {
  const service = FEATURE_SERVICES[context.config.FEATURE_SERVICE]
  const movies = movieContext(() => service)
  const prepared = await prepare(context, [
    { ...userHistory, input: 'userActivity' },
    { ...movies, input: 'movieActivity' },
  ])
  if (prepared === undefined) return
  const { codec } = prepared
  await Promise.all([
    verifyInBackground(context, prepared),
    ...(runs(intake) ? [runFold(context, codec, intake, ['reviews', 'reviewLabels', 'movies'])] : []),
    ...(runs(userHistory) ? [runFold(context, codec, userHistory, ['userActivity'])] : []),
    ...(runs(movies) ? [runFold(context, codec, movies, ['movieActivity'])] : []),
  ])
})
