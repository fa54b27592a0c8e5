// The sinks in one process.
import process from 'node:process'
import { runComponent, whenAvailable } from '../platform/component.ts'
import { runSinkTask, type SinkRecord } from '../platform/run-sink-task.ts'
import { prepare, verifyInBackground } from '../platform/run-stream-task.ts'
import { onlineRow } from './online-rows.ts'
import { openRedisOnlineStore } from './redis-online-store.ts'

await runComponent({ name: 'sinks', process, env: process.env }, async (context) => {
  const { config, log } = context
  const prepared = await prepare(context, [])
  if (prepared === undefined) return
  const opened = await whenAvailable(context, () => openRedisOnlineStore(config, log))
  if (opened === undefined) return
  await using store = opened
  const write = async (records: readonly SinkRecord[]): Promise<void> => {
    await store.write(records.map((record) => onlineRow(record, config.LINEAGE)))
  }
  await Promise.all([
    verifyInBackground(context, prepared),
    runSinkTask(context, {
      name: 'redis-online-store',
      inputs: ['userFeatures', 'movieFeatures', 'moviePlots'],
      codec: prepared.codec,
      write,
    }),
  ])
})
