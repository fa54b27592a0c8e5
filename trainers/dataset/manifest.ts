import { z } from 'zod'
import { contentHash } from '../../inference/model-files.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import { SPANS } from './dataset-row.ts'

export const MANIFEST_FILE = 'manifest.json'

/** What keeps the spans of a data set apart. */
export const SPLITS = ['time', 'movie', 'cold-user', 'random'] as const
const count = z.number().int().min(0)
const timeMs = z.number().int()
const OffsetRange = z.strictObject({
  topic: z.string().min(1),
  partition: count,
  /** First offset, and the one behind the last. */
  from: count,
  to: count,
})
const Shares = z.strictObject({ fit: z.number(), stop: z.number(), calibrate: z.number(), gate: z.number() })

/** Why a feature row of the range is not in the data set; every row counts once, under the first reason that holds. */
const LeftOut = z.strictObject({
  /** Of another feature service. */
  otherFeatureService: count,
  /** A newer row of the same review stands in the range. */
  superseded: count,
  /** Younger than the label maturity when the labels of its span were cut off: its label may still change or come. */
  immature: count,
  /** No label before the cut-off. That does not make it a negative. */
  unlabelled: count,
  /** All its labels came after those of its span were cut off. */
  labelAfterCutoff: count,
  /** Split by cold users: a row of the gate whose author wrote rows of an earlier span. */
  userKnown: count,
})

export const DatasetContent = z.strictObject({
  format: z.literal(1),
  featureService: z.string().min(1),
  /** Names of the features, in the order of `values`. */
  features: z.array(z.string()),
  /** Offsets count from the creation of the topics; it grows when they are recreated. */
  lineage: z.number().int().min(1),
  /** Where the feature rows stand. */
  rows: z.array(OffsetRange),
  /** Where the labels stand; the ends are the label cut-off. */
  labels: z.array(OffsetRange),
  /** Avro records that the values were read as, with their ids in the registry. */
  schemas: z.array(z.strictObject({ topic: z.string(), record: z.string(), id: z.number().int() })),
  /** Least age of a row, in event time, at the newest label known at the cut-off of its span. */
  maturityMs: count,
  split: z.strictObject({
    by: z.enum(SPLITS),
    seed: z.number().int(),
    shares: Shares,
  }),
  spans: z.array(
    z.strictObject({
      span: z.enum(SPANS),
      rows: count,
      positives: count,
      /** Append times that belong to the span, the end exclusive; null where it has none. */
      fromMs: timeMs.nullable(),
      untilMs: timeMs.nullable(),
      /** Only labels appended before count; null is the cut-off of the whole data set. */
      labelsUntilMs: timeMs.nullable(),
    }),
  ),
  counts: z.strictObject({ read: count, kept: count, positives: count, leftOut: LeftOut }),
  files: z.array(
    z.strictObject({
      name: z.string().regex(/^(fit|stop|calibrate|gate)-\d{5}\.parquet$/),
      span: z.enum(SPANS),
      rows: z.number().int().min(1),
      sizeBytes: z.number().int().min(1),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
})
/** All that a data set is: equal content is the same data set. */
export type DatasetContent = z.infer<typeof DatasetContent>
export type OffsetRange = Readonly<z.infer<typeof OffsetRange>>
export type DatasetFile = DatasetContent['files'][number]
export type LeftOut = DatasetContent['counts']['leftOut']
export type SplitBy = DatasetContent['split']['by']
export type Shares = Readonly<z.infer<typeof Shares>>

const DatasetManifest = DatasetContent.extend({
  /** Content hash: not of itself and of `createdAt`. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  createdAt: z.iso.datetime(),
})
export type DatasetManifest = Readonly<z.infer<typeof DatasetManifest>>

export function sealedManifest(content: DatasetContent, createdAtMs: number): DatasetManifest {
  return { id: contentHash(content), createdAt: new Date(createdAtMs).toISOString(), ...content }
}

export function manifestText(manifest: DatasetManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/** @throws SpoilerError SPL_DATASET_INVALID naming the place and the field. */
export function parseManifest(text: string, place: string): DatasetManifest {
  const parsed = DatasetManifest.safeParse(parseJson(text, place))
  if (!parsed.success) throw invalidDataset(place, z.prettifyError(parsed.error))
  const { id, createdAt: _, ...content } = parsed.data
  const expected = contentHash(content)
  if (id !== expected) throw invalidDataset(place, `${MANIFEST_FILE} says that it is ${id}, its content is ${expected}`)
  return parsed.data
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw invalidDataset(place, `${MANIFEST_FILE} is no JSON`, cause)
  }
}

export function invalidDataset(place: string, problem: string, cause?: unknown): SpoilerError {
  return new SpoilerError('SPL_DATASET_INVALID', `reading the data set in ${place}\n${problem}`, {
    onError: 'stop',
    context: { place },
    cause,
  })
}
