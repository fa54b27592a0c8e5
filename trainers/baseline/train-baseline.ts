import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadModelVersion, PRIOR_FOLDER } from '../../inference/model-version.ts'
import { sealModelVersion } from '../../inference/seal-model-version.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import type { DatasetManifest } from '../dataset/manifest.ts'
import { type Dataset, rowsIn, serviceOf } from '../dataset/open-dataset.ts'
import { type Report, reportOf, summaryOf } from '../evaluation/report.ts'
import { reportPage } from '../evaluation/report-page.ts'
import { lengthThresholdOf, scoreRows, type ScoredRows } from '../evaluation/scored-rows.ts'
import { type PythonRun, runPython } from '../python-process.ts'
import { writeFitInputs } from './fit-inputs.ts'

/** Fewer of either class in a span can neither be fitted nor judged. */
const LEAST_OF_A_CLASS = 10
/** File of a version: its report, for people. */
export const REPORT_PAGE = 'report.html'

export interface TrainingProgress {
  readonly step: 'reading rows' | 'fitting' | 'scoring held-out rows'
  readonly done: number
  readonly total: number
}

export interface TrainingDeps extends Pick<PythonRun, 'packages' | 'env' | 'signal'> {
  /** Empty. Gets the version as its folder `version`, beside what the fit reads: about 4 kB a review. */
  readonly workFolder: string
  readonly onProgress: (progress: TrainingProgress) => void
}

export interface TrainingPlan {
  /** Of the model. */
  readonly name: string
  /** Of the bootstrap: the fit itself has nothing random. */
  readonly seed: number
}

export interface TrainedVersion {
  readonly name: string
  readonly version: string
  readonly folder: string
  readonly report: Report
  /** What the version says of the rows of the gate, beside its baselines. */
  readonly scored: ScoredRows
}

/**
 * Fits, calibrates and judges a model version of the tier `baseline`. Nothing of it depends on the clock or on where it
 * runs: equal data set, name, seed and kind of processor give the same version, under the same hash.
 *
 * Memory: rows pass one by one. Held are the scores of the gate and, in the process that fits, the terms and features
 * of the spans `fit`, `stop` and `calibrate`: 12 bytes a term, 8 a feature, twice while a fit runs.
 *
 * @throws SpoilerError SPL_DATASET_TOO_SMALL, SPL_DATASET_INVALID, SPL_FIT_FAILED; AbortError when interrupted.
 */
export async function trainBaseline(
  dataset: Dataset,
  plan: TrainingPlan,
  { workFolder, packages, env, signal, onProgress }: TrainingDeps,
): Promise<TrainedVersion> {
  assertFittable(dataset.manifest)
  const [inputs, folder] = [join(workFolder, 'inputs'), join(workFolder, 'version')]
  for (const own of [inputs, folder]) await mkdir(own)
  // 1. terms and features of the rows, as plain arrays
  await writeFitInputs(dataset, { inputs, version: folder }, draftOf(dataset.manifest, plan.name), {
    signal,
    onRows: (done, total) => onProgress({ step: 'reading rows', done, total }),
  })
  // 2. the fit
  const onLine = (line: string): void => {
    const [, done, total] = /^(\d+) of (\d+)$/.exec(line) ?? []
    if (done !== undefined) onProgress({ step: 'fitting', done: Number(done), total: Number(total) })
  }
  await runPython({ script: 'fit_baseline.py', args: [inputs, folder], packages, env, signal, onLine })
  const draft = JSON.parse(await readFile(join(inputs, 'draft.json'), 'utf8')) as { readonly metrics: object }
  await sealModelVersion(folder, draft)
  // 3. its worth, by the code that serves it
  const { report, scored } = await judge(dataset, folder, plan, { signal, onProgress })
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(join(folder, REPORT_PAGE), reportPage(report))
  // 4. sealed again, with what it is worth
  const metrics = { ...draft.metrics, ...summaryOf(report) }
  return { ...(await sealModelVersion(folder, { ...draft, metrics })), folder, report, scored }
}

function assertFittable({ spans }: DatasetManifest): void {
  if (spans.every(({ rows, positives }) => Math.min(positives, rows - positives) >= LEAST_OF_A_CLASS)) return
  const counts = spans.map(({ span, rows, positives }) => `${span}: ${rows} rows, ${positives} spoilers`)
  const doing = [`looking for ${LEAST_OF_A_CLASS} spoilers and ${LEAST_OF_A_CLASS} others in each span`, ...counts]
  throw new SpoilerError('SPL_DATASET_TOO_SMALL', doing.join('\n'), { onError: 'stop', context: { spans } })
}

function draftOf({ id, featureService, counts }: DatasetManifest, name: string): object {
  return {
    name,
    tier: 'baseline',
    description: `Logistic regression on hashed words and context, from the ${counts.kept} labelled reviews of data set ${id}.`,
    featureService,
  }
}

/** Scores the gate span: by the version, by the prior that ships, and by length alone. */
async function judge(
  dataset: Dataset,
  folder: string,
  { name, seed }: TrainingPlan,
  { signal, onProgress }: Pick<TrainingDeps, 'signal' | 'onProgress'>,
): Promise<{ readonly report: Report; readonly scored: ScoredRows }> {
  await using model = await loadModelVersion(folder)
  await using prior = await loadModelVersion(PRIOR_FOLDER)
  const service = serviceOf(dataset.manifest)
  const lengthThreshold = await lengthThresholdOf(dataset.rows('calibrate'), service)
  const total = rowsIn(dataset.manifest, 'gate')
  const onRows = (done: number): void => onProgress({ step: 'scoring held-out rows', done, total })
  const scored = await scoreRows(
    dataset.rows('gate'),
    { [name]: model, prior },
    { service, lengthThreshold, signal, onRows },
  )
  return { scored, report: reportOf(scored, { model: name, tier: model.tier, dataset: dataset.manifest, seed }) }
}
