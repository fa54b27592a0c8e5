import type { Feature } from '../schemas/spoiler-v1.ts'
import { calibrate, sigmoid } from './calibration.ts'
import { goldenRows, proveGoldenRows } from './golden.ts'
import { openLogisticHead } from './logistic-head.ts'
import { featuresOf, verifiedManifest } from './manifest.ts'
import type { Manifest } from './manifest.ts'
import type { Head, Model } from './model.ts'
import { fileOf, parseJson, readModelFiles } from './model-files.ts'
import type { ModelFiles } from './model-files.ts'
import { reasonsOf } from './reasons.ts'
import { SpanCoefficients, spoilingSpans } from './spans.ts'

/**
 * Loads a model version folder: reads it once, verifies shape and hashes, opens the head, and proves the golden rows.
 * A version that does all of this may serve; anything else is refused.
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
  const head = opening.use(openHead(files, manifest, features))
  const model = modelOf(manifest, { files, features, head })
  await proveGoldenRows(model, golden, { folder, file: manifest.golden.rows, tolerance: manifest.golden.tolerance })
  opening.move()
  return model
}

function openHead(files: ModelFiles, { head, inputs }: Manifest, features: readonly Feature[]): Head {
  return openLogisticHead(files, head.coefficients, { inputs, features })
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
      const { logit, contributions } = calibrate(calibration, await head.evaluate(row))
      const probability = sigmoid(logit)
      return {
        probability,
        isSpoiler: probability >= threshold,
        spans: spoilingSpans(spanCoefficients, spans.threshold, row.sentences),
        reasons: reasonsOf(contributions, features),
      }
    },
    [Symbol.asyncDispose]: () => head[Symbol.asyncDispose](),
  }
}

/** Everything that may change the bits of a score at an equal version: engine, processor, what the head computes with. */
function runtimeFingerprint({ kind, runtime }: Head): string {
  return `node ${process.versions.node} v8 ${process.versions.v8} ${process.arch} ${kind}/${runtime}`
}
