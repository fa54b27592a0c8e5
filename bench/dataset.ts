import { join } from 'node:path'
import { startPipeline } from '../test/support/pipeline.ts'
import { worldLogs } from '../test/support/world-dataset.ts'
import type { ReviewFeatures, UserActivity } from '../schemas/generated.ts'
import { type Building, buildDataset } from './dataset-build.ts'

/** The folds make these; what follows are copies of them with ids and times of their own. */
const WORLD_REVIEWS = 5_000

interface Joining {
  readonly reviews: number
  readonly labels: number
  readonly building: Building
}

/**
 * A data set of many reviews, into a local folder. The two topics are written here, since the folds would take an hour
 * for millions: the rows and labels of a small world, over and over, each time by other users and later.
 */
export async function dataset(reviews: number): Promise<Joining> {
  await using pipeline = await startPipeline(['kafka', 'registry'])
  const { publisher, config } = pipeline
  const world = worldLogs(WORLD_REVIEWS)
  const rows = world.reviewFeatures.map(({ value }) => value)
  const activity = world.userActivity.map(({ value }) => value)
  const times = activity.map(({ sourceAppendedAtMs }) => sourceAppendedAtMs)
  const spanMs = times.reduce((a, b) => Math.max(a, b)) - times.reduce((a, b) => Math.min(a, b)) + 1
  const copies = Math.ceil(reviews / rows.length)
  for (let copy = 0; copy < copies; copy += 1) {
    for (const row of rows) await publisher.publish('reviewFeatures', rowCopy(row, { copy, laterMs: copy * spanMs }))
    for (const one of activity)
      await publisher.publish('userActivity', activityCopy(one, { copy, laterMs: copy * spanMs }))
    await publisher.flush()
  }
  const { building } = await buildDataset(pipeline, ['--out', join(config.STATE_DIR, 'data-sets')])
  const labels = copies * activity.filter(({ label }) => label !== null).length
  return { reviews: copies * rows.length, labels, building }
}

interface Copy {
  readonly copy: number
  readonly laterMs: number
}

function idsOf({ userId, reviewId }: { readonly userId: string; readonly reviewId: string }, { copy }: Copy) {
  return { userId: `${userId}-${copy}`, reviewId: `${reviewId}-${copy}` }
}

function rowCopy(row: ReviewFeatures, copy: Copy): ReviewFeatures {
  const { laterMs } = copy
  const times = { writtenAtMs: row.writtenAtMs + laterMs, reviewAppendedAtMs: row.reviewAppendedAtMs + laterMs }
  return { ...row, ...idsOf(row, copy), ...times }
}

function activityCopy({ userId, review, label, source, sourceAppendedAtMs }: UserActivity, copy: Copy): UserActivity {
  const { laterMs } = copy
  return {
    userId: `${userId}-${copy.copy}`,
    review: review && { ...review, ...idsOf(review, copy), writtenAtMs: review.writtenAtMs + laterMs },
    label: label && { ...label, ...idsOf(label, copy), labelledAtMs: label.labelledAtMs + laterMs },
    source,
    sourceAppendedAtMs: sourceAppendedAtMs + laterMs,
  }
}
