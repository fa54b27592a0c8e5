// One sink in a process of its own: the online store by default, `s3-offline-store` when named.
// Each loads only its own client, and a sink that a person has to look at does not stop the other.
import process from 'node:process'
import { type ComponentContext, runComponent, whenAvailable } from '../platform/component.ts'
import { followDeadLetters, OpenDeadLetters } from '../platform/open-dead-letters.ts'
import type { OpenedCodec } from '../platform/open-codec.ts'
import { runSinkTask } from '../platform/run-sink-task.ts'
import { prepare, verifyInBackground } from '../platform/run-stream-task.ts'

type Sink = (context: ComponentContext, opened: OpenedCodec) => Promise<void>

/** The online store, and beside it the metrics of dead letters: they are nobody's in particular. */
async function runSinks(context: ComponentContext, opened: OpenedCodec): Promise<void> {
  const { config, log, signal, telemetry } = context
  const letters = new OpenDeadLetters(telemetry.registry, () => Date.now())
  const { codec } = opened
  await Promise.all([runOnlineStore(context, opened), followDeadLetters(config, letters, { codec, signal, log })])
}

async function runOnlineStore(context: ComponentContext, { codec }: OpenedCodec): Promise<void> {
  const { config, log } = context
  const { ONLINE_TOPICS, onlineRow } = await import('./online-rows.ts')
  const { openRedisOnlineStore } = await import('./redis-online-store.ts')
  const opened = await whenAvailable(context, () => openRedisOnlineStore(config, log))
  if (opened === undefined) return
  await using store = opened
  await runSinkTask(context, {
    name: 'redis-online-store',
    inputs: ONLINE_TOPICS,
    codec,
    toRow: (record) => onlineRow(record, config.LINEAGE),
    write: async (rows) => {
      await store.write(rows)
    },
  })
}

async function runOffline(context: ComponentContext, { codec }: OpenedCodec): Promise<void> {
  const { openS3ObjectStore } = await import('./s3-object-store.ts')
  const { runOfflineStore } = await import('./s3-offline-store.ts')
  using store = openS3ObjectStore(context.config)
  await runOfflineStore(context, { codec, store })
}

const SINKS: Readonly<Record<string, Sink>> = { sinks: runSinks, 's3-offline-store': runOffline }
const name = process.argv[2] ?? 'sinks'
const run = SINKS[name]
if (run === undefined) throw new RangeError(`no sink ${name}; there are ${Object.keys(SINKS).join(', ')}`)

await runComponent({ name, process, env: process.env }, async (context) => {
  const prepared = await prepare(context, [])
  if (prepared === undefined) return
  await Promise.all([verifyInBackground(context, prepared), run(context, prepared)])
})
