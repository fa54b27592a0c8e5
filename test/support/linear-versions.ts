import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashedTerms } from '../../features/hashed-terms.ts'
import type { ManifestDraft } from '../../inference/manifest.ts'
import type { ScoringInput } from '../../inference/model.ts'
import { sealModelVersion, type SealedVersion } from '../../inference/seal-model-version.ts'
import type { ReviewFeatures } from '../../schemas/generated.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { DRAFT, featureRow, SPANS, type VersionFolder } from './model-versions.ts'

/** Graphs made by test/fixtures/models/build.py. `deadly` ends its process on a row whose text_units are 13. */
export type LinearGraph = 'linear' | 'deadly'
export const DEADLY_UNITS = 13

const GRAPHS = join(import.meta.dirname, '..', 'fixtures', 'models')
const BUCKETS = 64
const INPUTS = ['text_units', 'rating', 'digit_share'] as const
/** Weight of each term. */
const idfOf = (bucket: number): number => 1 + (bucket % 5) / 4

/** Log-odds as build.py declares the graph, in doubles and independently of the code that serves it. */
export function expectedLogit({ text, values }: Pick<ScoringInput, 'text' | 'values'>): number {
  const terms = hashedTerms(text, BUCKETS).map(({ bucket, count }) => ({
    weight: ((bucket % 9) - 4) / 4,
    value: (1 + Math.log(count)) * idfOf(bucket),
  }))
  const length = Math.hypot(...terms.map(({ value }) => value))
  const ofTerms = terms.reduce((sum, { weight, value }) => sum + (weight * value) / length, 0)
  const [units = 0, rating = 0, digits = 0] = INPUTS.map((name) => {
    return values[spoilerV1.features.findIndex((feature) => feature.name === name)]
  })
  const within = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))
  const ofContext =
    (0.75 * (Math.log1p(within(units, 0, 5000)) - 6)) / 0.5 -
    (0.25 * (within(rating, 1, 10) - 7)) / 2 +
    (0.125 * (Math.sqrt(within(digits, 0, 1)) - 0.1)) / 0.1
  return -0.5 + ofTerms + ofContext
}

/** A row whose text_units are the length of its text. */
export function reviewOf(text: string, fields: Partial<ReviewFeatures> = {}): ReviewFeatures {
  return featureRow({ text_units: text.length }, { text, ...fields })
}

/** text_units are as given, so that no golden row is deadly. */
const GOLDEN_ROWS = [
  featureRow({ text_units: 700, rating: 3 }, { text: 'He dies in the end, and she knew. He dies!' }),
  featureRow({ text_units: 90_000, digit_share: 0.2 }, { text: 'No words of interest: 1, 2, 3.' }),
  featureRow({ text_units: 3 }, { text: '!!!' }),
]

interface LinearParts {
  readonly graph?: LinearGraph
  readonly draft?: Partial<ManifestDraft>
  readonly spans?: object
  readonly idf?: Float32Array
  readonly golden?: readonly object[]
}

/** A version that scores by the words, unless its parts say otherwise. */
export async function linearVersion(parts: LinearParts = {}): Promise<VersionFolder & SealedVersion> {
  const folder = await mkdtemp(join(tmpdir(), 'linear-version-'))
  const sealed = await writeLinearVersion(folder, parts)
  return { folder, ...sealed, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

async function writeLinearVersion(folder: string, parts: LinearParts = {}): Promise<SealedVersion> {
  const draft: ManifestDraft = {
    ...DRAFT,
    name: 'linear',
    tier: 'baseline',
    inputs: [...INPUTS],
    head: { kind: 'onnx-linear', model: 'model.onnx', terms: { buckets: BUCKETS, idf: 'idf.f32' } },
    calibration: { kind: 'identity' },
    golden: { rows: 'golden.jsonl', tolerance: 1e-6 },
    ...parts.draft,
  }
  const golden = parts.golden ?? GOLDEN_ROWS.map((row) => ({ row, ...expectedOf(row, draft), spans: [] }))
  await copyFile(join(GRAPHS, `${parts.graph ?? 'linear'}.onnx`), join(folder, 'model.onnx'))
  await writeFile(join(folder, 'idf.f32'), parts.idf ?? Float32Array.from({ length: BUCKETS }, (_, b) => idfOf(b)))
  await writeFile(join(folder, 'spans.json'), JSON.stringify(parts.spans ?? SPANS))
  await writeFile(join(folder, 'golden.jsonl'), golden.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return sealModelVersion(folder, draft)
}

function expectedOf(row: ReviewFeatures, { calibration }: ManifestDraft): { readonly probability: number } {
  const logit = expectedLogit(row)
  const calibrated = calibration.kind === 'platt' ? logit * calibration.slope + calibration.intercept : logit
  return { probability: 1 / (1 + Math.exp(-calibrated)) }
}
