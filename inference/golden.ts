import { z } from 'zod'
import type { SentenceEvidence } from '../schemas/generated.ts'
import type { Model, ScoringInput } from './model.ts'
import { fileOf, invalidModel, parseJson } from './model-files.ts'
import type { ModelFiles } from './model-files.ts'

const whole = z.number().int()

const Sentence = z.strictObject({
  start: whole,
  end: whole,
  cues: whole,
  plotOverlapPermille: whole,
  endingOverlapPermille: whole,
  banner: z.boolean(),
}) satisfies z.ZodType<SentenceEvidence>

/** What a model reads of a feature row; more may stand there. */
const Row = z.object({
  featureService: z.string(),
  text: z.string(),
  values: z.array(z.number()),
  sentences: z.array(Sentence),
}) satisfies z.ZodType<ScoringInput>

/** A feature row with what the fit, in its own language, made of it. */
const GoldenRow = z.strictObject({
  row: Row,
  probability: z.number().min(0).max(1),
  /** Scores of the published sentences, in text order. */
  spans: z.array(z.strictObject({ start: whole, end: whole, score: z.number().min(0).max(1) })),
})
export type GoldenRow = z.infer<typeof GoldenRow>

/** One JSON object a line. @throws SpoilerError SPL_MODEL_INVALID naming file and line. */
export function goldenRows(files: ModelFiles, file: string): GoldenRow[] {
  const lines = fileOf(files, file).toString('utf8').split('\n').slice(0, -1)
  if (lines.length === 0) throw invalidModel(files.folder, file, 'has no row, or its last line does not end')
  return lines.map((line, i) => parseJson(GoldenRow, line, files.folder, `${file}:${i + 1}`))
}

/**
 * Proves that the model makes of its golden rows what the fit made of them.
 *
 * @throws SpoilerError SPL_MODEL_INVALID naming the row.
 */
export async function proveGoldenRows(
  model: Model,
  rows: readonly GoldenRow[],
  { folder, file, tolerance }: { readonly folder: string; readonly file: string; readonly tolerance: number },
): Promise<void> {
  for (const [i, { row, probability, spans }] of rows.entries()) {
    const line = `${file}:${i + 1}`
    if (row.values.length !== model.rowLength || row.featureService !== model.featureService)
      throw invalidModel(folder, line, `is no row of ${model.featureService}`)
    const prediction = await model.score(row).catch((cause: unknown) => {
      throw invalidModel(folder, line, cause instanceof Error ? cause.message : String(cause), cause)
    })
    if (!(Math.abs(prediction.probability - probability) <= tolerance))
      throw invalidModel(folder, line, `probability: expected ${probability}, got ${prediction.probability}`)
    const same =
      prediction.spans.length === spans.length &&
      prediction.spans.every(({ start, end, score }, j) => {
        const expected = spans[j]
        return expected?.start === start && expected.end === end && Math.abs(expected.score - score) <= tolerance
      })
    if (!same)
      throw invalidModel(
        folder,
        line,
        `spans: expected ${JSON.stringify(spans)}, got ${JSON.stringify(prediction.spans)}`,
      )
  }
}
