import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TWO_YEARS_MS, World, type WorldOptions } from '../../producers/world/world.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { buildFromLogs, WORLD_START, worldLogs } from '../../test/support/world-dataset.ts'
import type { DatasetRow } from '../../trainers/dataset/dataset-row.ts'
import type { SplitBy } from '../../trainers/dataset/manifest.ts'
import { openDataset } from '../../trainers/dataset/open-dataset.ts'
import { compareScorers, type Compared } from '../../trainers/evaluation/figures.ts'
import { LENGTH_ONLY, type ScoredRows, type Scorer } from '../../trainers/evaluation/scored-rows.ts'
import { blinded, crossFitted, type FitDeps, scoredBy } from './fits.ts'
import type { LabelledRow } from './labelled-rows.ts'

const SEED = 1
const SHARES = { fit: 0.6, stop: 0.1, calibrate: 0.15, gate: 0.15 }
/** Of the small real data. */
export const FOLDS = 5

/** A model beside length on the same rows; the first gain is over length. */
export interface Measured extends Compared {
  readonly name: string
  readonly rows: number
  readonly positives: number
}

/** @param others Scorers besides the model and length. */
export function measured(name: string, { labels, scorers }: ScoredRows, others: readonly Scorer[] = []): Measured {
  const [model] = scorers
  const length = scorers.find((scorer) => scorer.name === LENGTH_ONLY)
  if (model === undefined || length === undefined) throw new RangeError(`${name}: nobody to compare`)
  const compared = compareScorers(labels, [model, length, ...others], { seed: SEED })
  return { name, rows: labels.length, positives: labels.filter(Boolean).length, ...compared }
}

/** A world whose reviews spread over its two years. */
function worldOf(reviews: number): WorldOptions & { readonly reviews: number } {
  return { ...WORLD_START, speed: (WORLD_START.rate * TWO_YEARS_MS) / 1000 / reviews, reviews }
}

interface WorldCase {
  readonly name: string
  readonly reviews: number
  readonly by: SplitBy
}

/** A generated world, split as a data set is, beside the probabilities that the generator drew the labels from. */
export async function measuredWorld({ name, reviews, by }: WorldCase, deps: FitDeps): Promise<Measured> {
  const root = await mkdtemp(join(tmpdir(), 'quality-world-'))
  try {
    const folder = join(root, 'set')
    await buildFromLogs(
      worldLogs(reviews, worldOf(reviews)),
      { split: { by, seed: SEED, shares: SHARES } },
      { folder, sortFolder: root },
    )
    const dataset = await openDataset(folder)
    const scored = await scoredBy(dataset, deps)
    const truth = new Map<string, number>()
    for (const { review, probability } of new World(worldOf(reviews)).reviews()) truth.set(review.reviewId, probability)
    const ids = await Array.fromAsync(dataset.rows('gate'), ({ reviewId }) => reviewId)
    const scores = Float64Array.from(ids, (id) => truth.get(id) ?? NaN)
    return measured(name, scored, [{ name: 'best possible', threshold: 0.5, scores, areProbabilities: true }])
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** Rows of a world to fit on. */
export async function worldRows(reviews: number): Promise<LabelledRow[]> {
  const root = await mkdtemp(join(tmpdir(), 'quality-world-'))
  try {
    const folder = join(root, 'set')
    await buildFromLogs(
      worldLogs(reviews, worldOf(reviews)),
      { split: { by: 'random', seed: SEED, shares: SHARES } },
      { folder, sortFolder: root },
    )
    const dataset = await openDataset(folder)
    const rows: DatasetRow[] = []
    for (const span of ['fit', 'stop', 'calibrate', 'gate'] as const)
      for await (const row of dataset.rows(span)) rows.push(row)
    return rows
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

const named =
  (...names: readonly string[]) =>
  (name: string): boolean =>
    names.includes(name)
const LENGTH = named('text_units', 'word_count', 'sentence_count', 'mean_sentence_words')
const isTime = (name: string): boolean => name.startsWith('film_age') || name.startsWith('movie_')

/** What a fit may see beside length. */
const GROUPS: readonly { readonly name: string; readonly feature: (name: string) => boolean; readonly words?: true }[] =
  [
    { name: 'nothing else', feature: () => false },
    { name: 'number and density of cues', feature: named('cue_count', 'cues_per_100_words', 'max_sentence_cues') },
    { name: 'position of cues', feature: named('first_cue_position', 'last_cue_position', 'cue_share_last_third') },
    { name: 'overlap with the plot', feature: (name) => name.endsWith('_overlap') },
    { name: 'headline and announcement', feature: named('summary_units', 'spoiler_banner') },
    { name: 'rating', feature: (name) => name.startsWith('rating') },
    { name: 'age of the film and its reviews so far', feature: isTime },
    { name: 'the words themselves', feature: () => false, words: true },
    { name: 'everything but age and reviews so far', feature: (name) => !isTime(name), words: true },
    { name: 'everything', feature: () => true, words: true },
  ]

/** Fits that see length and one group of features. */
export async function measuredGroups(
  rows: readonly LabelledRow[],
  deps: FitDeps,
  onGroup: (name: string) => void,
): Promise<Measured[]> {
  const all: Measured[] = []
  for (const { name, feature, words = false } of GROUPS) {
    onGroup(name)
    const seen = blinded(rows, { feature: (one) => LENGTH(one) || feature(one), words })
    all.push(measured(name, await crossFitted(seen, FOLDS, deps)))
  }
  return all
}

/** Single features as they stand in the row, without any fit: no choice was made that could flatter them. */
export function measuredFeatures(rows: readonly LabelledRow[], names: readonly string[]): Measured[] {
  const labels = rows.map(({ label }) => label)
  const scorerOf = (name: string, feature: string): Scorer => {
    const at = spoilerV1.features.findIndex((declared) => declared.name === feature)
    const scores = Float64Array.from(rows, ({ values }) => values[at] as number)
    return { name, threshold: 0, scores, areProbabilities: false }
  }
  const length = scorerOf(LENGTH_ONLY, 'text_units')
  return names.map((name) => measured(name, { labels, scorers: [scorerOf(name, name), length], slices: new Map() }))
}
