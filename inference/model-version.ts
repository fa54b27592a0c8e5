import { join } from 'node:path'
import type { Feature } from '../schemas/spoiler-v1.ts'
import { calibrate, sigmoid } from './calibration.ts'
import { goldenRows, proveGoldenRows } from './golden.ts'
import { openLogisticHead } from './logistic-head.ts'
import { declaredVersion, featuresOf, verifiedManifest } from './manifest.ts'
import type { Manifest } from './manifest.ts'
import type { Head, Model } from './model.ts'
import { fileOf, parseJson, readModelFiles } from './model-files.ts'
import type { ModelFiles } from './model-files.ts'
import { startModelPool } from './model-pool.ts'
import { startModelProcess } from './model-process.ts'
import { reasonsOf } from './reasons.ts'
import { SpanCoefficients, spoilingSpans } from './spans.ts'

/** The version that ships with the code: what scores before any other was deployed. */
export const PRIOR_FOLDER = join(import.meta.dirname, 'versions', 'prior')

interface ProcessOptions {
  /** Processes of a network, a core each, from 1. */
  readonly processes: number
  /** Told when one of them ended by itself; it is replaced. */
  readonly onEnd?: (end: Error) => void
}

/**
 * Opens a model version for serving. Coefficients in TypeScript are evaluated in this process; a network, which would
 * block it, in processes of its own, each of which loads and proves the version.
 *
 * @param folder as for {@link loadModelVersion}; it stays there while the model serves.
 * @throws SpoilerError SPL_MODEL_INVALID as {@link loadModelVersion}; SPL_MODEL_UNAVAILABLE (retry).
 */
export async function openModelVersion(folder: string, { processes, onEnd }: ProcessOptions): Promise<Model> {
  const { head } = await declaredVersion(folder)
  if (head.kind === 'logistic') return loadModelVersion(folder)
  return startModelPool({ count: processes, start: () => startModelProcess(folder), onEnd })
}

/**
 * Loads a model version folder: reads it once, verifies shape and hashes, opens the head, and proves the golden rows.
 * A version that does all of this may serve; anything else is refused. It is evaluated in this process.
 *
 * @param folder with manifest.json and the files that it lists.
 * @throws SpoilerError SPL_MODEL_INVALID (stop) naming the file and the field.
 */
export async function loadModelVersion(folder: string): Promise<Model> {
  const files = await readModelFiles(folder)
  const manifest = verifiedManifest(files)
  const features = featuresOf(manifest, folder)
  const golden = goldenRows(files, manifest.golden.rows)
  await using opening = new AsyncDisposableStack()
  const head = opening.use(await openHead(files, manifest, features))
  const model = modelOf(manifest, { files, features, head })
  await proveGoldenRows(model, golden, { folder, file: manifest.golden.rows, tolerance: manifest.golden.tolerance })
  opening.move()
  return model
}

async function openHead(files: ModelFiles, { head, inputs }: Manifest, features: readonly Feature[]): Promise<Head> {
  if (head.kind === 'logistic') return openLogisticHead(files, head.coefficients, { inputs, features })
  // the native library is a hundred megabytes: only who needs it loads it
  const { openOnnxLinearHead } = await import('./onnx-linear-head.ts')
  return openOnnxLinearHead(files, head, { inputs, features })
}

interface Parts {
  readonly files: ModelFiles
  readonly features: readonly Feature[]
  readonly head: Head
}

function modelOf(manifest: Manifest, { files, features, head }: Parts): Model {
  const { threshold, calibration, spans } = manifest
  const spanFile = fileOf(files, spans.coefficients).toString('utf8')
  const spanCoefficients = parseJson(SpanCoefficients, spanFile, files.folder, spans.coefficients)
  return {
    name: manifest.name,
    version: manifest.version,
    tier: manifest.tier,
    featureService: manifest.featureService,
    rowLength: features.length,
    threshold,
    runtimeFingerprint: runtimeFingerprint(head),
    score: async (row) => {
      const output = await head.evaluate(row)
      const calibrated = calibrate(calibration, output)
      const probability = sigmoid(calibrated.logit)
      return {
        probability,
        isSpoiler: probability >= threshold,
        spans: spoilingSpans(spanCoefficients, spans.threshold, row.sentences, output.sentenceLogOdds),
        reasons: reasonsOf(calibrated.contributions, features, calibrated.terms),
      }
    },
    [Symbol.asyncDispose]: () => head[Symbol.asyncDispose](),
  }
}

/** Everything that may change the bits of a score at an equal version: engine, processor, what the head computes with. */
function runtimeFingerprint({ kind, runtime }: Head): string {
  return `node ${process.versions.node} v8 ${process.versions.v8} ${process.arch} ${kind}/${runtime}`
}
