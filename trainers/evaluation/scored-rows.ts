import type { Model, Prediction } from '../../inference/model.ts'
import { type FeatureService, placesRead } from '../../schemas/feature-services.ts'
import { quantileOfSorted } from '../../stats/bootstrap.ts'
import type { DatasetRow } from '../dataset/dataset-row.ts'
import { slicesOf } from '../../features/slices.ts'

function lengthAt({ features }: FeatureService): number {
  return features.findIndex(({ name }) => name === 'text_units')
}

/** Something that orders reviews, and calls spoilers those at or above its threshold. */
export interface Scorer {
  readonly name: string
  readonly threshold: number
  /** One a row; probabilities unless they are only an order. */
  readonly scores: Float64Array
  readonly areProbabilities: boolean
}

/** Rows of a span with what was said of them. */
export interface ScoredRows {
  readonly labels: readonly boolean[]
  readonly scorers: readonly Scorer[]
  /** Row numbers by slice, such as `author: new`. */
  readonly slices: ReadonlyMap<string, readonly number[]>
}

export interface ScoringOptions {
  /** Of the rows; each model reads it, or one that it includes. */
  readonly service: FeatureService
  /** Reviews at least so long are called spoilers by their length. */
  readonly lengthThreshold: number
  readonly signal: AbortSignal
  readonly onRows: (rows: number) => void
}

/** Scores rows as the scorer would, one at a time, by each model and by the length of the text. */
export async function scoreRows(
  rows: AsyncIterable<DatasetRow>,
  models: Readonly<Record<string, Model>>,
  { service, lengthThreshold, signal, onRows }: ScoringOptions,
): Promise<ScoredRows> {
  const labels: boolean[] = []
  const lengths: number[] = []
  const probabilities = Object.keys(models).map((): number[] => [])
  const slices = new Map<string, number[]>()
  const length = lengthAt(service)
  const readers = Object.values(models).map((model) => readerOf(model, service))
  for await (const row of rows) {
    signal.throwIfAborted()
    for (const [i, score] of readers.entries()) probabilities[i]?.push((await score(row)).probability)
    for (const slice of slicesOf(row.values, service)) {
      const own = slices.get(slice) ?? []
      own.push(labels.length)
      slices.set(slice, own)
    }
    labels.push(row.label)
    lengths.push(row.values[length] as number)
    onRows(labels.length)
  }
  const scorers = Object.entries(models).map(([name, { threshold }], i) => {
    return { name, threshold, scores: Float64Array.from(probabilities[i] as number[]), areProbabilities: true }
  })
  const ofLength = { name: LENGTH_ONLY, threshold: lengthThreshold, scores: Float64Array.from(lengths) }
  return { labels, slices, scorers: [...scorers, { ...ofLength, areProbabilities: false }] }
}

/** Scores rows of a service by what the model reads of them. */
function readerOf(model: Model, { name }: FeatureService): (row: DatasetRow) => Promise<Prediction> {
  const places = placesRead(name, model.featureService)
  if (places === undefined) throw new RangeError(`${model.name} ${model.version} does not read rows of ${name}`)
  return (row) => model.score({ ...row, values: places.map((at) => row.values[at] as number) })
}

/** Name of the scorer that only knows how long a text is. */
export const LENGTH_ONLY = 'length'

/** The length from which on as large a share of the rows is called a spoiler as does spoil. */
export async function lengthThresholdOf(rows: AsyncIterable<DatasetRow>, service: FeatureService): Promise<number> {
  const at = lengthAt(service)
  const lengths: number[] = []
  let positives = 0
  for await (const { values, label } of rows) {
    lengths.push(values[at] as number)
    if (label) positives += 1
  }
  const sorted = lengths.sort((a, b) => a - b)
  return sorted.length === 0 ? Infinity : quantileOfSorted(sorted, 1 - positives / sorted.length)
}
