import { datasetSource, type DatasetSource } from '../connectors/dataset-source.ts'
import type { Config } from '../platform/config.ts'
import { GroupConsumer } from '../platform/kafka-consumer.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import type { PartitionRange } from '../platform/topic-reader.ts'
import { committedValues } from '../platform/topic-values.ts'
import type { FoldStarts } from '../replay/fold-starts.ts'
import { RECORDED_FOLDS, type RecordedFoldName } from '../replay/recorded-folds.ts'
import type { ComparedRange, StageReport, VerifyDeps } from '../replay/verify/report.ts'
import { verifyFold } from '../replay/verify/verify-fold.ts'
import { verifyScores } from '../replay/verify/verify-scores.ts'
import { positionText } from '../schemas/topics.ts'
import type { CliContext } from './context.ts'
import { withDatasets } from './dataset-store.ts'
import { assertBroker } from './dependencies.ts'
import { openPipelineCodec } from './pipeline.ts'
import { ProgressLine } from './progress-line.ts'
import { RecordedVersions } from './recorded-versions.ts'
import { type AskedRange, inputOf, rangesOf, type ReplayStage, wholePartitions } from './replay-inputs.ts'
import { foldStarts } from './replay-starts.ts'
import { withWorkFolder } from './work-folder.ts'

export interface ReplayWishes extends AskedRange {
  readonly stages: readonly ReplayStage[]
  /** Begin at snapshots that other code has made as well. */
  readonly anyCode: boolean
}

/**
 * Makes again what the stages have made, and compares it with what is live. Reads only.
 *
 * @param mostTold So many differences of a stage are told in full.
 * @throws SpoilerError SPL_REPLAY_RANGE when a log does not begin at offset 0 any more; SPL_BROKER_UNAVAILABLE,
 *   SPL_REGISTRY_UNAVAILABLE.
 */
export async function verifyReplay(
  wishes: ReplayWishes & { readonly mostTold: number },
  context: CliContext,
): Promise<StageReport[]> {
  const config = context.config()
  const { signal } = context
  await assertBroker(config)
  const { codec } = await openPipelineCodec(config, signal)
  return withDatasets(config, undefined, ({ store }) =>
    withWorkFolder(config.STATE_DIR, 'replay-verifying', async (workFolder) => {
      using progress = new ProgressLine(context.stderr, () => performance.now())
      const onProgress = progress.show.bind(progress)
      const deps = { config, codec, signal, workFolder, onProgress, mostTold: wishes.mostTold }
      const source = datasetSource(config, { codec, store })
      const note = progress.note.bind(progress)
      const starts = (fold: RecordedFoldName): Promise<FoldStarts> =>
        foldStarts(fold, { config, codec, store, workFolder, ofAnyCode: wishes.anyCode, note })
      const reports: StageReport[] = []
      for (const stage of wishes.stages) reports.push(await verifyStage(stage, { wishes, source, deps, starts }))
      return reports
    }),
  )
}

interface Verifying {
  readonly wishes: ReplayWishes
  readonly source: DatasetSource
  readonly deps: VerifyDeps & { readonly config: Config }
  readonly starts: (stage: RecordedFoldName) => Promise<FoldStarts>
}

async function verifyStage(stage: ReplayStage, { wishes, source, deps, starts }: Verifying): Promise<StageReport> {
  const { config } = deps
  const asked = await rangesOf(stage, wishes, { ...deps, source })
  // in this order: what was committed is visible in the output, and comes from before the end of the input
  const committed = await committedBy(config, stage, asked)
  const live = await wholePartitions(config, stage === 'scorer' ? 'spoilerScores' : RECORDED_FOLDS[stage].output)
  const ends = await wholePartitions(config, inputOf(stage))
  const ranges: ComparedRange[] = asked.map(({ partition, from, to }) => {
    const until = Math.min(to, committed[partition] ?? 0)
    return { partition, from: Math.min(from, until), to: until, end: ends[partition]?.to ?? until }
  })
  if (stage !== 'scorer') {
    const fold = RECORDED_FOLDS[stage]
    return verifyFold(fold, { ranges, live }, { ...deps, starts: await starts(stage) })
  }
  await using versions = new RecordedVersions(config)
  const { codec } = deps
  return await verifyScores(
    { ranges, live },
    {
      ...deps,
      activations: await Array.fromAsync(committedValues(config, codec, 'modelActivations')),
      givenUp: await rowsGivenUp(config, codec),
      load: (version) => versions.load(version),
    },
  )
}

async function committedBy(config: Config, group: string, inputs: readonly PartitionRange[]): Promise<number[]> {
  await using observer = await GroupConsumer.observe(config, group)
  return (await observer.committed(inputs)).map((position) => position?.offset ?? 0)
}

async function rowsGivenUp(config: Config, codec: RecordCodec): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for await (const { component, source } of committedValues(config, codec, 'deadLetters'))
    if (component === 'scorer') found.add(positionText(source))
  return found
}
