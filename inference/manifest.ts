import { z } from 'zod'
import { featureServiceOf } from '../schemas/feature-services.ts'
import type { Feature } from '../schemas/spoiler-v1.ts'
import { Calibration } from './calibration.ts'
import {
  contentHash,
  fileOf,
  hashesOf,
  invalidModel,
  MANIFEST_FILE,
  parseJson,
  readModelFile,
  VERSION_DIGITS,
} from './model-files.ts'
import type { ModelFiles } from './model-files.ts'

/** Most buckets of hashed terms: their weights take 4 bytes each, twice. */
const MOST_BUCKETS = 2 ** 22

const fileName = z.string().regex(/^\w[\w.-]*$/)

/** A linear head as an ONNX graph (trainers/python/linear_head.py) over hashed terms and the features of `inputs`. */
const OnnxLinear = z.strictObject({
  kind: z.literal('onnx-linear'),
  model: fileName,
  /** `idf`: file of little-endian float32, one weight a bucket. */
  terms: z.strictObject({ buckets: z.number().int().min(1).max(MOST_BUCKETS), idf: fileName }),
})
export type OnnxLinear = z.infer<typeof OnnxLinear>

/** A further kind of head is a further member here, and a further case in `openHead`. */
const HeadDeclaration = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('logistic'), coefficients: fileName }),
  OnnxLinear,
])
type HeadDeclaration = z.infer<typeof HeadDeclaration>

/** All but the version: what a fit hands over to be sealed. */
export const ManifestDraft = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  tier: z.string().min(1),
  /** What it is and what it was fitted on, for people. */
  description: z.string().min(1),
  featureService: z.string(),
  /** Features that the head reads. */
  inputs: z.array(z.string()).min(1),
  head: HeadDeclaration,
  calibration: Calibration,
  /** Reviews at or above it count as spoilers. */
  threshold: z.number().min(0).max(1),
  spans: z.strictObject({ coefficients: fileName, threshold: z.number().min(0).max(1) }),
  golden: z.strictObject({ rows: fileName, tolerance: z.number().positive().max(0.01) }),
  /** Figures of the evaluation, for people and the gate. */
  metrics: z.record(z.string(), z.json()),
})
export type ManifestDraft = z.infer<typeof ManifestDraft>

const hexDigits = (count: number) => z.string().regex(new RegExp(`^[0-9a-f]{${count}}$`))

const Manifest = ManifestDraft.extend({
  version: hexDigits(VERSION_DIGITS),
  /** SHA-256 of every other file of the folder. */
  files: z.record(fileName, hexDigits(64)),
})
export type Manifest = z.infer<typeof Manifest>

/**
 * Reads the manifest and proves that the folder is the one that was sealed: every file there, unchanged, none besides.
 *
 * @throws SpoilerError SPL_MODEL_INVALID naming file and field.
 */
export function verifiedManifest(files: ModelFiles): Manifest {
  const { folder } = files
  const manifest = parseJson(Manifest, fileOf(files, MANIFEST_FILE).toString('utf8'), folder, MANIFEST_FILE)
  const found = hashesOf(files)
  for (const [name, expected] of Object.entries(manifest.files)) {
    fileOf(files, name)
    if (found[name] !== expected) throw invalidModel(folder, name, 'differs from the hash in the manifest')
  }
  for (const name of Object.keys(found))
    if (!(name in manifest.files)) throw invalidModel(folder, name, 'is not listed in the manifest')
  const { version, ...rest } = manifest
  const expected = contentHash(rest)
  if (version !== expected) throw invalidModel(folder, MANIFEST_FILE, `version is ${version}, content is ${expected}`)
  return manifest
}

const DeclaredVersion = Manifest.pick({
  name: true,
  version: true,
  featureService: true,
  head: true,
  golden: true,
  metrics: true,
})

/** What a version says it is, before anything is proved. @throws SpoilerError SPL_MODEL_INVALID. */
export async function declaredVersion(folder: string): Promise<z.infer<typeof DeclaredVersion>> {
  const text = await readModelFile(folder, MANIFEST_FILE)
  return parseJson(z.object(DeclaredVersion.shape), text.toString('utf8'), folder, MANIFEST_FILE)
}

/** Features of the manifest's service, in the order of a row. */
export function featuresOf({ featureService, inputs }: ManifestDraft, folder: string): readonly Feature[] {
  const features = featureServiceOf(featureService)?.features
  if (features === undefined)
    throw invalidModel(folder, MANIFEST_FILE, `featureService: ${featureService} is not known`)
  const unknown = inputs.filter((input) => !features.some(({ name }) => name === input))
  if (unknown.length > 0)
    throw invalidModel(folder, MANIFEST_FILE, `inputs: ${featureService} has no ${unknown.join(', ')}`)
  return features
}
