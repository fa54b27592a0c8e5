import { cpus } from 'node:os'
import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import { hashedTerms, type HashedTerm, sumOverTerms } from '../features/hashed-terms.ts'
import type { SentenceEvidence } from '../schemas/generated.ts'
import type { Feature } from '../schemas/spoiler-v1.ts'
import type { OnnxLinear } from './manifest.ts'
import type { Head, HeadOutput } from './model.ts'
import { fileOf, invalidModel } from './model-files.ts'
import type { ModelFiles } from './model-files.ts'
import { termValues } from './term-values.ts'

const INPUTS = ['token_indices', 'token_values', 'context'] as const
const OUTPUTS = ['logit', 'token_contributions', 'context_contributions'] as const
/** One thread, so that a process takes one core, and the order of additions is one. */
const SESSION: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
}

/**
 * Opens the graph that trainers/python/linear_head.py builds. `evaluate` blocks its event loop and is to be called in
 * turn: one review at a time.
 *
 * @param inputs of the manifest, in the order of the graph's `context`.
 * @throws SpoilerError SPL_MODEL_INVALID naming the file.
 */
export async function openOnnxLinearHead(
  files: ModelFiles,
  { model, terms }: OnnxLinear,
  { inputs, features }: { readonly inputs: readonly string[]; readonly features: readonly Feature[] },
): Promise<Head> {
  const idf = idfOf(files, terms)
  const session = await openSession(files, model, inputs.length)
  const positions = inputs.map((name) => features.findIndex((feature) => feature.name === name))
  return {
    kind: 'onnx-linear',
    runtime: `onnxruntime ${env.versions.node ?? env.versions.common} on ${cpus()[0]?.model ?? 'unknown processor'}`,
    evaluate: async ({ text, values }) => {
      const found = hashedTerms(text, terms.buckets)
      const ofTerms = termValues(found, idf)
      const context = positions.map((at) => values[at] ?? Number.NaN)
      const results = await session.run({
        token_indices: new Tensor('int64', ofTerms.buckets, [ofTerms.buckets.length]),
        token_values: new Tensor('float32', ofTerms.values, [ofTerms.values.length]),
        context: new Tensor('float32', Float32Array.from(context), [context.length]),
      })
      return outputOf(results, { text, found, buckets: terms.buckets, inputs, context })
    },
    [Symbol.asyncDispose]: () => session.release(),
  }
}

function idfOf(files: ModelFiles, { buckets, idf: file }: OnnxLinear['terms']): Float32Array {
  const bytes = fileOf(files, file)
  if (bytes.length !== 4 * buckets)
    throw invalidModel(files.folder, file, `has ${bytes.length} bytes, ${buckets} buckets take ${4 * buckets}`)
  const idf = Float32Array.from({ length: buckets }, (_, bucket) => bytes.readFloatLE(4 * bucket))
  const at = idf.findIndex((weight) => !(weight >= 0 && weight < Infinity))
  if (at >= 0) throw invalidModel(files.folder, file, `weight ${at} is ${idf[at] ?? 'missing'}`)
  return idf
}

async function openSession(files: ModelFiles, file: string, features: number): Promise<InferenceSession> {
  const bytes = fileOf(files, file)
  let session: InferenceSession
  try {
    session = await InferenceSession.create(bytes, SESSION)
  } catch (cause) {
    throw invalidModel(files.folder, file, 'is no graph that ONNX Runtime can run', cause)
  }
  const problem = graphProblem(session, features)
  if (problem === undefined) return session
  await session.release()
  throw invalidModel(files.folder, file, problem)
}

function graphProblem(
  { inputNames, outputNames, inputMetadata }: InferenceSession,
  features: number,
): string | undefined {
  if (!sameNames(inputNames, INPUTS)) return `inputs are ${inputNames.join(', ')}, not ${INPUTS.join(', ')}`
  if (!sameNames(outputNames, OUTPUTS)) return `outputs are ${outputNames.join(', ')}, not ${OUTPUTS.join(', ')}`
  const context = inputMetadata.find(({ name }) => name === 'context')
  const length = context?.isTensor === true ? context.shape[0] : undefined
  return length === features ? undefined : `context has ${length ?? 'no'} features, the manifest's inputs ${features}`
}

function sameNames(names: readonly string[], expected: readonly string[]): boolean {
  return new Set(names).symmetricDifference(new Set(expected)).size === 0
}

interface Evaluated {
  readonly text: string
  readonly found: readonly HashedTerm[]
  readonly buckets: number
  readonly inputs: readonly string[]
  readonly context: readonly number[]
}

function outputOf(results: InferenceSession.OnnxValueMapType, evaluated: Evaluated): HeadOutput {
  const { found, inputs, context } = evaluated
  const [logit] = numbersOf(results, 'logit')
  if (logit === undefined || !Number.isFinite(logit)) throw new RangeError(`the log-odds are ${logit ?? 'missing'}`)
  const ofTerms = numbersOf(results, 'token_contributions')
  const ofContext = numbersOf(results, 'context_contributions')
  const contributions = inputs.map((feature, i) => {
    return { feature, value: context[i] as number, logOdds: ofContext[i] as number }
  })
  const terms = found.map(({ term }, i) => ({ term, logOdds: ofTerms[i] as number }))
  const base = logit - sumOf(ofContext) - sumOf(ofTerms)
  return { logit, contributions, terms, base, sentenceLogOdds: sentenceLogOdds(evaluated, ofTerms) }
}

function sumOf(values: Float32Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}

function numbersOf(results: InferenceSession.OnnxValueMapType, name: (typeof OUTPUTS)[number]): Float32Array {
  const value = results[name]
  if (value instanceof Tensor && value.data instanceof Float32Array) return value.data
  throw new RangeError(`${name} is no float32`)
}

/** A term counts for a sentence with the share of its occurrences that stand there. */
function sentenceLogOdds(
  { text, found, buckets }: Evaluated,
  ofTerms: Float32Array,
): (sentence: SentenceEvidence) => number {
  const perOccurrence = new Map(found.map(({ bucket, count }, i) => [bucket, (ofTerms[i] as number) / count]))
  const valueOf = (bucket: number): number => perOccurrence.get(bucket) ?? 0
  return ({ start, end }) => sumOverTerms(text.slice(start, end), buckets, valueOf)
}
