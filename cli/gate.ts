import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectStore } from '../connectors/object-store.ts'
import { fetchVersion } from '../connectors/model-registry.ts'
import { decideGate, type GateDecision, type GateEvidence, type UnreadableVersion } from '../control/gate.ts'
import { declaredVersion } from '../inference/manifest.ts'
import type { Model } from '../inference/model.ts'
import { loadModelVersion, PRIOR_FOLDER } from '../inference/model-version.ts'
import { placesRead } from '../schemas/feature-services.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { DatasetPlace } from '../trainers/dataset/dataset-place.ts'
import { type Dataset, openDataset } from '../trainers/dataset/open-dataset.ts'
import { type Judgement, judgeVersions } from '../trainers/evaluation/judge-versions.ts'
import { LENGTH_ONLY } from '../trainers/evaluation/scored-rows.ts'
import { type FittedOn, SHIPPED } from '../trainers/evaluation/unseen-rows.ts'
import { gatePage, type GateReport } from './gate-page.ts'
import type { Progress } from './progress-line.ts'

/** A version, and where it lies: a key of the object store, or a local folder. */
export interface PlacedVersion {
  readonly name: string
  readonly version: string
  readonly source: string
  /** Local folder, when it is there already. */
  readonly folder?: string
}

interface GateWish {
  readonly challenger: PlacedVersion
  /** What shall score now; the prior when nothing was ever deployed. */
  readonly champion: PlacedVersion
  readonly dataset: Dataset
  /** Of the bootstrap. */
  readonly seed: number
}

export interface GateDeps {
  readonly store: ObjectStore
  /** S3_PREFIX: reports lie in its folder `gates`. */
  readonly prefix: string
  /** Data sets that versions were fitted on. */
  readonly place: DatasetPlace
  readonly signal: AbortSignal
  /** Of this gate; gets what is fetched. */
  readonly workFolder: string
  readonly onProgress: (progress: Progress) => void
}

export interface GateOutcome {
  readonly decision: GateDecision
  /** Key of the report in the object store; beside it lies a page with the same name. */
  readonly report: string
  readonly page: string
}

/**
 * Lets a version meet the champion on the span `gate` of a data set, decides, and keeps the report. That the span was
 * used is written down before anybody looks at it.
 *
 * @throws SpoilerError SPL_S3_UNAVAILABLE, SPL_S3_REFUSED, SPL_DATASET_INVALID; AbortError when interrupted.
 */
export async function runGate(wish: GateWish, deps: GateDeps): Promise<GateOutcome> {
  const { challenger, champion, dataset, seed } = wish
  const { id, featureService } = dataset.manifest
  const uses = await countUse(`${deps.prefix}/gates/${id}`, challenger.version, deps.store)
  await using opened = new AsyncDisposableStack()
  const [own, theirs] = [await open(challenger, 'challenger', deps), await open(champion, 'champion', deps)]
  for (const one of [own, theirs]) if ('model' in one) opened.use(one.model)
  const judgement = await judge([own, theirs], wish, deps)
  const facts = {
    featureService,
    challenger: judgedVersion(own, judgement?.challenger),
    champion: judgedVersion(theirs, judgement?.champion),
    isFirst: 'model' in theirs && theirs.fittedOn === SHIPPED,
    uses,
    lengthName: LENGTH_ONLY,
  }
  const decision = decideGate({ ...facts, figures: judgement?.report ?? null })
  const names = { challenger: nameOf(challenger), champion: nameOf(champion), dataset: id }
  return await keep({ format: 1, ...names, seed, decision, evidence: facts, judgement }, challenger.version, deps)
}

/** Both on the same rows; null where one is not open or does not read them, or both are the same version. */
async function judge(
  [own, theirs]: readonly [OpenedVersion | UnreadableVersion, OpenedVersion | UnreadableVersion],
  { dataset, seed }: GateWish,
  { signal, onProgress }: GateDeps,
): Promise<Judgement | null> {
  if (!('model' in own) || !('model' in theirs) || own.model.version === theirs.model.version) return null
  const { featureService } = dataset.manifest
  const areReading = [own, theirs].every(({ model }) => placesRead(featureService, model.featureService) !== undefined)
  if (!areReading) return null
  const onRows = (done: number, total: number): void =>
    onProgress({ step: 'scoring held-out rows by both', done, total })
  return await judgeVersions(dataset, { challenger: own, champion: theirs }, { seed, signal, onRows })
}

/** The champion of a log, or the prior. */
export async function placedPrior(): Promise<PlacedVersion> {
  const { name, version } = await declaredVersion(PRIOR_FOLDER)
  return { name, version, source: '', folder: PRIOR_FOLDER }
}

/** Counts the versions that a span has judged; a version counts once, however often it is tried. */
async function countUse(folder: string, version: string, store: ObjectStore): Promise<number> {
  await store.putIfAbsent(`${folder}/${version}.used`, new Uint8Array())
  let uses = 0
  for await (const { key } of store.list(`${folder}/`)) if (key.endsWith('.used')) uses += 1
  return uses
}

interface OpenedVersion {
  readonly model: Model
  readonly fittedOn: FittedOn
  readonly sizeBytes: number
}

async function open(
  placed: PlacedVersion,
  role: string,
  { store, place, workFolder }: GateDeps,
): Promise<OpenedVersion | UnreadableVersion> {
  const { name, version, source } = placed
  const prior = await declaredVersion(PRIOR_FOLDER)
  const isPrior = prior.name === name && prior.version === version
  const folder = placed.folder ?? (isPrior ? PRIOR_FOLDER : join(workFolder, role))
  try {
    if (!existsSync(folder)) await fetchVersion(store, source, folder)
    const model = await loadModelVersion(folder)
    if (model.name !== name || model.version !== version) {
      await model[Symbol.asyncDispose]()
      return { version, problem: `its folder holds ${model.name}@${model.version}` }
    }
    const { metrics } = await declaredVersion(folder)
    const fittedOn = isPrior ? SHIPPED : await fittedOnOf(metrics['dataset'], place)
    return { model, fittedOn, sizeBytes: await sizeOf(folder) }
  } catch (error) {
    if (error instanceof SpoilerError && error.onError === 'stop') return { version, problem: error.message }
    throw error
  }
}

/** A data set that is not there, or damaged, proves nothing. */
async function fittedOnOf(id: unknown, place: DatasetPlace): Promise<FittedOn> {
  if (typeof id !== 'string' || !/^[0-9a-f]{16}$/.test(id)) return null
  try {
    return (await openDataset(place.files(id))).manifest
  } catch (error) {
    if (error instanceof SpoilerError && error.onError === 'stop') return null
    throw error
  }
}

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder)
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

function judgedVersion(
  version: OpenedVersion | UnreadableVersion,
  cost: { readonly msPerReview: number; readonly unseenRows: number } | undefined,
): GateEvidence['challenger'] {
  if ('problem' in version) return version
  const { model, sizeBytes } = version
  const found = cost ?? { msPerReview: NaN, unseenRows: 0 }
  return { version: model.version, featureService: model.featureService, sizeBytes, ...found }
}

async function keep(report: GateReport, version: string, { store, prefix }: GateDeps): Promise<GateOutcome> {
  const text = `${JSON.stringify(report, null, 2)}\n`
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
  const key = `${prefix}/gates/${report.dataset}/${version}-${hash}`
  const page = gatePage(report)
  await store.putIfAbsent(`${key}.json`, Buffer.from(text))
  await store.putIfAbsent(`${key}.html`, Buffer.from(page))
  return { decision: report.decision, report: `${key}.json`, page }
}

function nameOf({ name, version }: PlacedVersion): string {
  return `${name}@${version}`
}
