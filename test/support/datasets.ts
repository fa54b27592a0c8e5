import { localFiles } from '../../trainers/dataset/dataset-files.ts'
import { compareRows, type DatasetRow, type Span, SPANS } from '../../trainers/dataset/dataset-row.ts'
import { DatasetWriter, sealDataset } from '../../trainers/dataset/dataset-writer.ts'
import type { DatasetContent, DatasetFile, DatasetManifest } from '../../trainers/dataset/manifest.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { LOG_START_MS } from './review-world.ts'

/** A sensible row to vary; number and span decide ids and times. */
export function exampleRow(number: number, span: Span, row: Partial<DatasetRow> = {}): DatasetRow {
  const appendedAtMs = LOG_START_MS + number * 1000
  return {
    reviewId: `r${number}`,
    userId: `u${number % 7}`,
    movieId: `m${number % 5}`,
    writtenAtMs: appendedAtMs - 60_000,
    appendedAtMs,
    partition: number % 2,
    offset: Math.floor(number / 2),
    span,
    label: number % 4 === 0,
    labelSource: 'self-declared',
    labelAppendedAtMs: appendedAtMs + 500,
    text: `Review number ${number}. ${number % 4 === 0 ? 'He dies at the end.' : 'A fine film.'}`,
    values: spoilerV1.features.map((feature, i) => feature.default + (i === 0 ? number : 0)),
    sentences: [
      { start: 0, end: 17, cues: number % 3, plotOverlapPermille: 250, endingOverlapPermille: 0, banner: false },
    ],
    ...row,
  }
}

/** Content of a manifest for rows that nobody built from a log. */
export function exampleContent(rows: readonly DatasetRow[], files: readonly DatasetFile[]): DatasetContent {
  const positives = (of: readonly DatasetRow[]): number => of.filter(({ label }) => label).length
  return {
    format: 1,
    featureService: spoilerV1.name,
    features: spoilerV1.features.map(({ name }) => name),
    lineage: 1,
    rows: [{ topic: 'review-features', partition: 0, from: 0, to: rows.length }],
    labels: [{ topic: 'user-activity', partition: 0, from: 0, to: 2 * rows.length }],
    schemas: [],
    maturityMs: 0,
    split: { by: 'time', seed: 0, shares: { fit: 0.6, stop: 0.1, calibrate: 0.15, gate: 0.15 } },
    spans: SPANS.map((span) => {
      const own = rows.filter((row) => row.span === span)
      return { span, rows: own.length, positives: positives(own), fromMs: null, untilMs: null, labelsUntilMs: null }
    }),
    counts: {
      read: rows.length,
      kept: rows.length,
      positives: positives(rows),
      leftOut: { otherFeatureService: 0, superseded: 0, immature: 0, unlabelled: 0, labelAfterCutoff: 0, userKnown: 0 },
    },
    files: [...files],
  }
}

/** Writes a small data set of given rows into a folder, in the order in which a build would. */
export async function writeDataset(
  folder: string,
  rows: readonly DatasetRow[],
  fileBytes?: number,
): Promise<DatasetManifest> {
  const files = localFiles(folder)
  const writer = new DatasetWriter(files, fileBytes)
  for (const row of rows.toSorted(compareRows)) await writer.append(row)
  return sealDataset(files, exampleContent(rows, await writer.finish()), LOG_START_MS)
}
