import { copyFile, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publishVersion } from '../connectors/model-registry.ts'
import { openDataset } from '../trainers/dataset/open-dataset.ts'
import { REPORT_PAGE, trainBaseline, type TrainedVersion } from '../trainers/baseline/train-baseline.ts'
import { bringPythonPackages } from '../trainers/python-packages.ts'
import type { CliContext } from './context.ts'
import { withDatasets } from './dataset-store.ts'
import { deployIfBetter, type Deployment } from './deploy-if-better.ts'
import { assertBroker } from './dependencies.ts'
import { ProgressLine } from './progress-line.ts'
import { withWorkFolder } from './work-folder.ts'

/** Name of the models of the tier. */
const MODEL_NAME = 'baseline'

export interface TrainWishes {
  /** Id of the data set. */
  readonly dataset: string
  readonly seed: number
  readonly deploy?: boolean
  /** Local folder of data sets, instead of S3. */
  readonly in?: string
  /** Local folder of model versions, instead of S3. */
  readonly out?: string
  /** Local file that gets the page of the report, too. */
  readonly report?: string
}

export interface TrainOutcome extends Pick<TrainedVersion, 'name' | 'version' | 'report'> {
  readonly featureService: string
  readonly address: string
  /** Key of its folder in the object store; null when it is kept in a local folder. */
  readonly source: string | null
  /** `trained`: nobody asked for more. */
  readonly deployment: Deployment | { readonly outcome: 'trained' }
}

/**
 * Trains a version in a folder of its own, then publishes it, and lets it serve if that was asked for and it is better.
 *
 * @throws as trainBaseline; SPL_SETUP_FAILED; with `deploy` SPL_BROKER_UNAVAILABLE before anything is done.
 */
export async function trainInPlace(wishes: TrainWishes, context: CliContext): Promise<TrainOutcome> {
  const { signal, stderr, env } = context
  const config = context.config()
  if (wishes.deploy === true) await assertBroker(config)
  return withDatasets(config, wishes.in, async ({ store, place }) => {
    const dataset = await openDataset(place.files(wishes.dataset))
    const packages = await bringPythonPackages(signal, (line) => stderr.write(`${line}\n`))
    return withWorkFolder(config.STATE_DIR, 'training', async (workFolder) => {
      const trained = await withProgress(context, (onProgress) =>
        trainBaseline(
          dataset,
          { name: MODEL_NAME, seed: wishes.seed },
          { workFolder, packages, env, signal, onProgress },
        ),
      )
      const { featureService } = dataset.manifest
      const told = { name: trained.name, version: trained.version, report: trained.report, featureService }
      if (wishes.report !== undefined) await copyFile(join(trained.folder, REPORT_PAGE), wishes.report)
      if (wishes.out !== undefined) {
        const address = await keep(trained, wishes.out)
        return { ...told, address, source: null, deployment: { outcome: 'trained' } }
      }
      await store.ensureBucket()
      const { source } = await publishVersion(store, config.S3_PREFIX, trained.folder)
      const address = `s3://${config.S3_BUCKET}/${source}`
      if (wishes.deploy !== true) return { ...told, address, source, deployment: { outcome: 'trained' } }
      const wanted = {
        challenger: { name: trained.name, version: trained.version, source, folder: trained.folder },
        dataset,
        seed: wishes.seed,
      }
      const deployment = await withProgress(context, (onProgress) =>
        deployIfBetter(wanted, { config, store, place, signal, onProgress, workFolder }),
      )
      if (wishes.report !== undefined) await writeFile(wishes.report, deployment.gate.page)
      return { ...told, address, source, deployment }
    })
  })
}

/** Says on a line of its own how far something is. */
export async function withProgress<T>(
  { stderr }: CliContext,
  work: (onProgress: ProgressLine['show']) => Promise<T>,
): Promise<T> {
  using line = new ProgressLine(stderr, () => performance.now())
  return await work((progress) => {
    line.show(progress)
  })
}

/** Moves a version to its place in a folder of versions; one that is there already is the same. */
async function keep({ name, version, folder }: TrainedVersion, versions: string): Promise<string> {
  const target = join(versions, name, version)
  await mkdir(join(versions, name), { recursive: true })
  // the folder may be on another disk: only a move within one is at once
  const near = `${target}.${process.pid}.partial`
  await cp(folder, near, { recursive: true })
  try {
    await rename(near, target)
  } catch (error) {
    await rm(near, { recursive: true, force: true })
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  return target
}
