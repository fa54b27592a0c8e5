import type { Command } from 'commander'
import { s3Snapshots } from '../../connectors/s3-snapshots.ts'
import { codeFingerprint } from '../../platform/code-fingerprint.ts'
import type { KeptSnapshot } from '../../platform/state-snapshot.ts'
import { identifyTopics } from '../../platform/topic-admin.ts'
import { RECORDED_FOLDS, type RecordedFoldName } from '../../replay/recorded-folds.ts'
import { topics } from '../../schemas/topics.ts'
import { type CliContext, printJson } from '../context.ts'
import { withDatasets } from '../dataset-store.ts'
import { assertBroker } from '../dependencies.ts'
import { grouped, table } from '../text.ts'

const HELP = `
Folds copy their state to S3 whenever the append time of their input passes a multiple of SNAPSHOT_MS (0: never), so that
\`shield replay\` can begin in the middle of a log. A replay takes the newest one before what it is asked for that the code
of today has made; they are found below S3_PREFIX/snapshots, and may be deleted there.

Examples:
  shield snapshots
  shield snapshots --json`

interface ListedSnapshot {
  readonly fold: string
  readonly partition: number
  /** The first offset of the input that is not in it. */
  readonly offset: number
  /** Largest append time in it, Unix milliseconds. */
  readonly streamTimeMs: number | null
  readonly madeBy: 'this code' | 'other code'
  readonly name: string
}

export function addSnapshots(program: Command, context: CliContext): void {
  program
    .command('snapshots')
    .description('List the snapshots of the state of folds, from which a replay can begin')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((options: { readonly json?: boolean }) => list(options, context))
}

async function list({ json }: { readonly json?: boolean }, context: CliContext): Promise<void> {
  const config = context.config()
  await assertBroker(config)
  const found = await withDatasets(config, undefined, async ({ store }) => {
    const kept = s3Snapshots(store, config.S3_PREFIX)
    const snapshots: ListedSnapshot[] = []
    for (const fold of Object.keys(RECORDED_FOLDS) as RecordedFoldName[]) {
      const { input, module } = RECORDED_FOLDS[fold]
      const topic = topics[input].name
      const { id: topicId = '', partitions = 0 } = (await identifyTopics(config, [topic])).get(topic) ?? {}
      const code = codeFingerprint(module)
      for (let partition = 0; partition < partitions; partition += 1)
        for (const snapshot of await kept.list({ processor: fold, topic, topicId, partition }))
          snapshots.push(listed(snapshot, code))
    }
    return snapshots
  })
  if (json === true) printJson(context, { snapshots: found })
  else context.stdout.write(snapshotsText(found))
}

function listed({ processor, partition, position, code, name }: KeptSnapshot, ours: string): ListedSnapshot {
  const { appliedOffset: offset, streamTimeMs } = position
  const madeBy = code === ours ? 'this code' : 'other code'
  return { fold: processor, partition, offset, streamTimeMs, madeBy, name }
}

function snapshotsText(snapshots: readonly ListedSnapshot[]): string {
  const rows = snapshots.map(({ fold, partition, offset, streamTimeMs, madeBy }) => {
    const upTo = streamTimeMs === null ? '-' : new Date(streamTimeMs).toISOString()
    return [fold, String(partition), grouped(offset), upTo, madeBy]
  })
  return table(['FOLD', 'PARTITION', 'OFFSET', 'UP TO', 'MADE BY'], rows)
}
