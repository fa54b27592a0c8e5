import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { seedOf } from '../../stats/random.ts'
import { exampleContent } from '../../test/support/datasets.ts'
import { trainBaseline } from '../../trainers/baseline/train-baseline.ts'
import { type DatasetRow, type Span, SPANS } from '../../trainers/dataset/dataset-row.ts'
import { sealedManifest } from '../../trainers/dataset/manifest.ts'
import type { Dataset } from '../../trainers/dataset/open-dataset.ts'
import type { ScoredRows } from '../../trainers/evaluation/scored-rows.ts'
import type { LabelledRow } from './labelled-rows.ts'

const SEED = 1

export interface FitDeps {
  readonly packages: string
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

/** Fits on three spans, and scores the gate: by the version, the prior that ships, and length. */
export async function scoredBy(dataset: Dataset, deps: FitDeps): Promise<ScoredRows> {
  const workFolder = await mkdtemp(join(tmpdir(), 'quality-fit-'))
  try {
    const plan = { name: 'baseline', seed: SEED }
    return (await trainBaseline(dataset, plan, { ...deps, workFolder, onProgress: () => undefined })).scored
  } finally {
    await rm(workFolder, { recursive: true, force: true })
  }
}

type Shares = Readonly<Partial<Record<Span, number>>>
const FITTING: Shares = { fit: 0.6, stop: 0.2, calibrate: 0.2 }

/** Rows put into spans by a hash of their author, so that no author stands in two. */
function spansByHash(rows: readonly LabelledRow[], shares: Shares): DatasetRow[] {
  return rows.map((row) => {
    const position = positionOf(row.userId, 'span')
    let end = 0
    const span = SPANS.find((one) => position < (end += shares[one] ?? 0)) ?? 'calibrate'
    return { ...row, span }
  })
}

/** In [0, 1). */
function positionOf(id: string, purpose: string): number {
  return seedOf(`${purpose} ${id}`) / 2 ** 32
}

function datasetOf(rows: readonly DatasetRow[]): Dataset {
  return {
    manifest: sealedManifest(exampleContent(rows, []), 0),
    rows: async function* (span) {
      await Promise.resolve()
      for (const row of rows) if (row.span === span) yield row
    },
  }
}

/** Fits on some rows, and scores others. */
export function trainedAndJudged(
  fitted: readonly LabelledRow[],
  judged: readonly LabelledRow[],
  deps: FitDeps,
): Promise<ScoredRows> {
  const gate = judged.map((row): DatasetRow => ({ ...row, span: 'gate' }))
  return scoredBy(datasetOf([...spansByHash(fitted, FITTING), ...gate]), deps)
}

/** Every row scored by a fit on the rows of the other folds; folds are made of whole authors. */
export async function crossFitted(rows: readonly LabelledRow[], folds: number, deps: FitDeps): Promise<ScoredRows> {
  const foldOf = ({ userId }: LabelledRow): number => Math.floor(folds * positionOf(userId, 'fold'))
  const scored: ScoredRows[] = []
  for (let fold = 0; fold < folds; fold += 1) {
    const isHere = (row: LabelledRow): boolean => foldOf(row) === fold
    scored.push(
      await trainedAndJudged(
        rows.filter((row) => !isHere(row)),
        rows.filter(isHere),
        deps,
      ),
    )
  }
  return pooled(scored)
}

/** Rows in the order of time, in parts: each part from the second on scored by a fit on all parts before it. */
export async function forwardFitted(
  rows: readonly LabelledRow[],
  starts: readonly number[],
  deps: FitDeps,
): Promise<ScoredRows> {
  const scored: ScoredRows[] = []
  for (const [i, start] of starts.entries()) {
    const [from, to] = [Math.floor(start * rows.length), Math.floor((starts[i + 1] ?? 1) * rows.length)]
    scored.push(await trainedAndJudged(rows.slice(0, from), rows.slice(from, to), deps))
  }
  return pooled(scored)
}

/** Fits of different folds have scales of their own: what counts is the rank of a row within its fold. */
function pooled(parts: readonly ScoredRows[]): ScoredRows {
  const [first] = parts
  const scorers = (first?.scorers ?? []).map((scorer, i) => {
    const scores = Float64Array.from(parts.flatMap((part) => rankShares(part.scorers[i]?.scores ?? new Float64Array())))
    return { ...scorer, scores, areProbabilities: false }
  })
  return { labels: parts.flatMap(({ labels }) => labels), scorers, slices: new Map() }
}

/** Share of the scores that are lower, those that are equal counting half. */
function rankShares(scores: Float64Array): number[] {
  const sorted = scores.toSorted()
  return Array.from(scores, (score) => {
    const lower = sorted.findIndex((other) => other >= score)
    return (lower + sorted.findLastIndex((other) => other <= score) + 1) / (2 * scores.length)
  })
}

/** What announces a spoiler. */
const ANNOUNCEMENT = /spoil\w*/gi

/** Rows that do not say of themselves that they spoil. */
export function unannounced(rows: readonly LabelledRow[]): LabelledRow[] {
  const hidden = blinded(rows, { feature: (name) => name !== 'spoiler_banner', words: true })
  return hidden.map((row) => ({ ...row, text: row.text.replace(ANNOUNCEMENT, ' ') }))
}

/** Rows of which only some features, and perhaps the words, can be seen. */
export function blinded(
  rows: readonly LabelledRow[],
  sees: { readonly feature: (name: string) => boolean; readonly words: boolean },
): LabelledRow[] {
  return rows.map((row) => ({
    ...row,
    text: sees.words ? row.text : '',
    values: spoilerV1.features.map(({ name, default: usual }, i) =>
      sees.feature(name) ? (row.values[i] as number) : usual,
    ),
  }))
}
