import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashedTerms } from '../../features/hashed-terms.ts'
import { termValues } from '../../inference/term-values.ts'
import type { Feature } from '../../schemas/spoiler-v1.ts'
import type { DatasetRow, Span } from '../dataset/dataset-row.ts'
import { type Dataset, rowsIn, serviceOf } from '../dataset/open-dataset.ts'
import { NumberFile } from './number-file.ts'

/** Buckets of hashed terms: twice as many score no better on the generated world, a quarter as many a little worse. */
export const BUCKETS = 2 ** 16
/** Rows of the calibration span that a scorer must reproduce before it serves. */
const GOLDEN_ROWS = 20
/** Features with a longer range than this are counts, lengths and ages: their logarithm is what tells. */
const LONGEST_LINEAR_RANGE = 900

const FITTED_SPANS = ['fit', 'stop', 'calibrate'] as const satisfies readonly Span[]
type FittedSpan = (typeof FITTED_SPANS)[number]

export interface FitFolders {
  /** Gets what the fit reads. */
  readonly inputs: string
  /** Gets idf.f32, a file of the version. */
  readonly version: string
}

export interface ReadProgress {
  readonly signal: AbortSignal
  /** @param rows so far, of `total`: rows of the spans `fit` and `calibrate` are read twice. */
  readonly onRows: (rows: number, total: number) => void
}

/**
 * Writes what trainers/python/fit_baseline.py reads: terms and features of the rows as plain arrays. Rows pass one by
 * one, so memory stays constant. The weights of the terms are known from the rows of the fit span only.
 *
 * @param draft Fields of the manifest that are known before the fit.
 */
export async function writeFitInputs(
  dataset: Dataset,
  { inputs, version }: FitFolders,
  draft: object,
  progress: ReadProgress,
): Promise<void> {
  const counted = countedRows(dataset, progress)
  const idf = await inverseDocumentFrequencies(counted('fit'))
  await writeFile(join(version, 'idf.f32'), idf)
  for (const span of FITTED_SPANS) await writeSpan(inputs, span, counted(span), idf)
  await writeSentences(inputs, counted('calibrate'), idf)
  const golden = await goldenCandidates(dataset)
  await writeFile(join(inputs, 'golden.jsonl'), golden.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const features = serviceOf(dataset.manifest).features.map((feature) => ({
    name: feature.name,
    transform: transformOf(feature),
  }))
  await writeFile(join(inputs, 'settings.json'), JSON.stringify({ buckets: BUCKETS, features, draft }))
}

/** Ages may be negative: they count as 0 then. */
function transformOf({ type, min, max, unit }: Feature): 'identity' | 'log1p' {
  if (type === 'boolean' || unit === 'year') return 'identity'
  return max - min > LONGEST_LINEAR_RANGE ? 'log1p' : 'identity'
}

/** Rows of a span that are counted as they pass. */
function countedRows(dataset: Dataset, { signal, onRows }: ReadProgress) {
  const passes: readonly FittedSpan[] = ['fit', ...FITTED_SPANS, 'calibrate']
  const total = passes.reduce((sum, span) => sum + rowsIn(dataset.manifest, span), 0)
  let done = 0
  return async function* (span: FittedSpan): AsyncGenerator<DatasetRow> {
    for await (const row of dataset.rows(span)) {
      signal.throwIfAborted()
      yield row
      onRows(++done, total)
    }
  }
}

/** ln((1 + rows) / (1 + rows with the bucket)) + 1, as scikit-learn's TfidfTransformer. Shape [buckets]. */
async function inverseDocumentFrequencies(rows: AsyncIterable<DatasetRow>): Promise<Float32Array> {
  const frequencies = new Uint32Array(BUCKETS)
  let count = 0
  for await (const { text } of rows) {
    count += 1
    for (const { bucket } of hashedTerms(text, BUCKETS)) frequencies[bucket] = (frequencies[bucket] as number) + 1
  }
  return Float32Array.from(frequencies, (frequency) => Math.log((1 + count) / (1 + frequency)) + 1)
}

/** Rows of terms as a sparse matrix: where each begins, and the buckets and values of all. */
class TermsFile implements AsyncDisposable {
  readonly #starts: NumberFile
  readonly #buckets: NumberFile
  readonly #values: NumberFile
  #end = 0n

  private constructor([starts, buckets, values]: readonly [NumberFile, NumberFile, NumberFile]) {
    this.#starts = starts
    this.#buckets = buckets
    this.#values = values
  }

  static async create(folder: string, name: string): Promise<TermsFile> {
    const create = (what: string): Promise<NumberFile> => NumberFile.create(join(folder, `${name}.${what}`))
    const file = new TermsFile([await create('starts.i64'), await create('buckets.i32'), await create('values.f32')])
    await file.#starts.append(BigInt64Array.of(0n))
    return file
  }

  async append(buckets: Int32Array, values: Float32Array): Promise<void> {
    this.#end += BigInt(buckets.length)
    await this.#starts.append(BigInt64Array.of(this.#end))
    await this.#buckets.append(buckets)
    await this.#values.append(values)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of [this.#starts, this.#buckets, this.#values]) await file[Symbol.asyncDispose]()
  }
}

async function writeSpan(
  folder: string,
  span: FittedSpan,
  rows: AsyncIterable<DatasetRow>,
  idf: Float32Array,
): Promise<void> {
  await using terms = await TermsFile.create(folder, span)
  await using context = await NumberFile.create(join(folder, `${span}.context.f64`))
  await using labels = await NumberFile.create(join(folder, `${span}.labels.u8`))
  for await (const { text, values, label } of rows) {
    const ofText = termValues(hashedTerms(text, BUCKETS), idf)
    await terms.append(Int32Array.from(ofText.buckets, Number), ofText.values)
    await context.append(Float64Array.from(values))
    await labels.append(Uint8Array.of(label ? 1 : 0))
  }
}

/** Sentences of the calibration span: their evidence, their share of the terms of the review, and whose they are. */
async function writeSentences(folder: string, rows: AsyncIterable<DatasetRow>, idf: Float32Array): Promise<void> {
  await using terms = await TermsFile.create(folder, 'sentences')
  await using evidence = await NumberFile.create(join(folder, 'sentences.evidence.f64'))
  await using owners = await NumberFile.create(join(folder, 'sentences.owners.i64'))
  let owner = 0n
  for await (const row of rows) {
    const perOccurrence = valuesPerOccurrence(row.text, idf)
    for (const { start, end, cues, plotOverlapPermille, endingOverlapPermille, banner } of row.sentences) {
      const own = hashedTerms(row.text.slice(start, end), BUCKETS).filter(({ bucket }) => perOccurrence.has(bucket))
      await terms.append(
        Int32Array.from(own, ({ bucket }) => bucket),
        Float32Array.from(own, ({ bucket, count }) => count * (perOccurrence.get(bucket) as number)),
      )
      const shares = [plotOverlapPermille / 1000, endingOverlapPermille / 1000]
      await evidence.append(Float64Array.of(cues, ...shares, banner ? 1 : 0))
      await owners.append(BigInt64Array.of(owner))
    }
    owner += 1n
  }
}

/** As inference/onnx-linear-head.ts shares the terms of a review out to its sentences. */
function valuesPerOccurrence(text: string, idf: Float32Array): ReadonlyMap<number, number> {
  const found = hashedTerms(text, BUCKETS)
  const { values } = termValues(found, idf)
  return new Map(found.map(({ bucket, count }, i) => [bucket, (values[i] as number) / count]))
}

/** Rows at even distances, with the place of each in its span. */
async function goldenCandidates(dataset: Dataset): Promise<object[]> {
  const every = Math.max(1, Math.floor(rowsIn(dataset.manifest, 'calibrate') / GOLDEN_ROWS))
  const chosen: object[] = []
  let index = 0
  for await (const { text, values, sentences } of dataset.rows('calibrate')) {
    if (index % every === 0) {
      chosen.push({ index, row: { featureService: dataset.manifest.featureService, text, values, sentences } })
      if (chosen.length === GOLDEN_ROWS) break
    }
    index += 1
  }
  return chosen
}
