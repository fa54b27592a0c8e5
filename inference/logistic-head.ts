import { z } from 'zod'
import type { Feature } from '../schemas/spoiler-v1.ts'
import type { Contribution, Head } from './model.ts'
import { fileOf, invalidModel, parseJson } from './model-files.ts'
import type { ModelFiles } from './model-files.ts'

const TRANSFORMS = {
  identity: (x: number): number => x,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
} as const satisfies Record<string, (x: number) => number>

/** One term: coefficient * (transform(clip(value)) - mean) / scale. */
const Term = z
  .strictObject({
    feature: z.string(),
    /** Range of the fit; what lies beyond counts as its bound, since nothing is known out there. */
    clip: z.tuple([z.number(), z.number()]).refine(([low, high]) => low <= high, 'low is above high'),
    transform: z.enum(['identity', 'log1p', 'sqrt']),
    mean: z.number(),
    scale: z.number().positive(),
    coefficient: z.number(),
  })
  .refine(({ clip, transform }) => transform === 'identity' || clip[0] >= 0, {
    path: ['clip'],
    message: 'log1p and sqrt need a range without negative numbers',
  })

const Coefficients = z.strictObject({ intercept: z.number(), terms: z.array(Term).min(1) })
export type Coefficients = z.infer<typeof Coefficients>

/** @param inputs of the manifest: must be the features of the terms, in any order. */
export function openLogisticHead(
  files: ModelFiles,
  file: string,
  { inputs, features }: { readonly inputs: readonly string[]; readonly features: readonly Feature[] },
): Head {
  const { folder } = files
  const coefficients = parseJson(Coefficients, fileOf(files, file).toString('utf8'), folder, file)
  const read = coefficients.terms.map(({ feature }) => feature)
  const differing = new Set(read).symmetricDifference(new Set(inputs))
  if (differing.size > 0)
    throw invalidModel(folder, file, `terms: differ from the manifest's inputs in ${[...differing].join(', ')}`)
  if (new Set(read).size < read.length) throw invalidModel(folder, file, 'terms: a feature stands there twice')
  const index = new Map(features.map(({ name }, i) => [name, i]))
  return {
    kind: 'logistic',
    runtime: 'ts',
    evaluate: ({ values }) => {
      const contributions = contributionsOf(coefficients, (name) => values[index.get(name) ?? -1] ?? Number.NaN)
      const base = coefficients.intercept
      const logit = contributions.reduce((sum, { logOdds }) => sum + logOdds, base)
      return Promise.resolve({ logit, contributions, terms: [], sentenceLogOdds: () => 0, base })
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** @param valueOf Value of a feature in the row. @throws RangeError if one is not finite. */
export function contributionsOf({ terms }: Coefficients, valueOf: (feature: string) => number): Contribution[] {
  return terms.map(({ feature, clip: [low, high], transform, mean, scale, coefficient }) => {
    const value = valueOf(feature)
    if (!Number.isFinite(value)) throw new RangeError(`${feature} is ${value}`)
    const clipped = Math.min(high, Math.max(low, value))
    return { feature, value, logOdds: (coefficient * (TRANSFORMS[transform](clipped) - mean)) / scale }
  })
}
