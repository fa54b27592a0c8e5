import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Coefficients } from '../../inference/logistic-head.ts'
import type { ManifestDraft } from '../../inference/manifest.ts'
import { sealModelVersion } from '../../inference/seal-model-version.ts'
import type { SpanCoefficients } from '../../inference/spans.ts'
import type { ReviewFeatures, SentenceEvidence } from '../../schemas/generated.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'

const POSITION = { topic: 't', partition: 0, offset: 0 }

export const sentence = (evidence: Partial<SentenceEvidence> = {}): SentenceEvidence => {
  const nothing = { start: 0, end: 1, cues: 0, plotOverlapPermille: 0, endingOverlapPermille: 0, banner: false }
  return { ...nothing, ...evidence }
}

/** A feature row of spoiler_v1 with these values, and the defaults elsewhere. */
export function featureRow(values: Record<string, number> = {}, fields: Partial<ReviewFeatures> = {}): ReviewFeatures {
  return {
    reviewId: 'r1',
    userId: 'u1',
    movieId: 'm1',
    revision: 0,
    writtenAtMs: 1_000,
    text: 'He dies. The end.',
    summary: null,
    rating: null,
    featureService: spoilerV1.name,
    values: spoilerV1.features.map(({ name, default: fallback }) => values[name] ?? fallback),
    sentences: [],
    reviewPosition: POSITION,
    reviewAppendedAtMs: 1_700_000_000_000,
    userActivityPosition: POSITION,
    movieActivityPosition: POSITION,
    ...fields,
  }
}

/** log-odds -1 + .5 * (text_units clipped to 0..1000 - 500) / 100 */
export const COEFFICIENTS: Coefficients = {
  intercept: -1,
  terms: [{ feature: 'text_units', clip: [0, 1000], transform: 'identity', mean: 500, scale: 100, coefficient: 0.5 }],
}
export const SPANS: SpanCoefficients = {
  intercept: -2,
  cues: 1,
  cuesCap: 3,
  plotOverlap: 2,
  endingOverlap: 4,
  banner: 3,
  terms: 0,
}
export const DRAFT: ManifestDraft = {
  name: 'test',
  tier: 'prior',
  description: 'made by a test',
  featureService: spoilerV1.name,
  inputs: ['text_units'],
  head: { kind: 'logistic', coefficients: 'coefficients.json' },
  calibration: { kind: 'platt', slope: 2, intercept: 0.5 },
  threshold: 0.5,
  spans: { coefficients: 'spans.json', threshold: 0.5 },
  golden: { rows: 'golden.jsonl', tolerance: 1e-9 },
  metrics: {},
}
/** text_units 700: head 0, calibrated 0.5; sentence: -2 + 3 = 1. */
export const GOLDEN = {
  row: featureRow(
    { text_units: 700 },
    { sentences: [sentence({ end: 8, banner: true }), sentence({ start: 9, end: 17 })] },
  ),
  probability: 1 / (1 + Math.exp(-0.5)),
  spans: [{ start: 0, end: 8, score: 1 / (1 + Math.exp(-1)) }],
}

interface VersionParts {
  readonly draft?: object
  readonly coefficients?: object
  readonly spans?: object
  readonly golden?: readonly object[]
}

export interface VersionFolder extends AsyncDisposable {
  readonly folder: string
}

/** A folder with all files of a version but the manifest. */
export async function unsealedVersion(parts: VersionParts = {}): Promise<VersionFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'model-version-'))
  const golden = (parts.golden ?? [GOLDEN]).map((row) => `${JSON.stringify(row)}\n`).join('')
  await writeFile(join(folder, 'coefficients.json'), JSON.stringify(parts.coefficients ?? COEFFICIENTS))
  await writeFile(join(folder, 'spans.json'), JSON.stringify(parts.spans ?? SPANS))
  await writeFile(join(folder, 'golden.jsonl'), golden)
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

/** A folder that loads, unless its parts say otherwise. */
export async function sealedVersion(parts: VersionParts = {}): Promise<VersionFolder> {
  const version = await unsealedVersion(parts)
  await sealModelVersion(version.folder, { ...DRAFT, ...parts.draft })
  return version
}
