import type { ObjectStore } from '../connectors/object-store.ts'
import { s3Snapshots } from '../connectors/s3-snapshots.ts'
import { codeFingerprint } from '../platform/code-fingerprint.ts'
import type { Config } from '../platform/config.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { identifyTopics } from '../platform/topic-admin.ts'
import { FoldStarts } from '../replay/fold-starts.ts'
import { RECORDED_FOLDS, type RecordedFoldName } from '../replay/recorded-folds.ts'
import { FEATURE_SERVICES } from '../schemas/feature-services.ts'
import { topics } from '../schemas/topics.ts'
import { wholePartitions } from './replay-inputs.ts'

interface StartsDeps {
  readonly config: Config
  readonly codec: RecordCodec
  readonly store: ObjectStore
  readonly workFolder: string
  readonly ofAnyCode: boolean
  readonly note: (text: string) => void
}

/** Where the partitions of a fold's input may be folded from, by the log and the snapshots of now. */
export async function foldStarts(
  stage: RecordedFoldName,
  { config, codec, store, workFolder, ofAnyCode, note }: StartsDeps,
): Promise<FoldStarts> {
  const { processor, input, module } = RECORDED_FOLDS[stage]
  // which service is live is not in the state
  const service = FEATURE_SERVICES[config.FEATURE_SERVICE]
  const topic = topics[input].name
  const topicId = (await identifyTopics(config, [topic])).get(topic)?.id ?? ''
  return new FoldStarts({
    processor: processor(() => service),
    input: { topic, topicId, logs: await wholePartitions(config, input) },
    code: codeFingerprint(module),
    ofAnyCode,
    codec,
    snapshots: s3Snapshots(store, config.S3_PREFIX),
    workFolder,
    onUnusable: ({ snapshot, why }) => {
      note(`left out: ${snapshot}: ${why}`)
    },
  })
}
