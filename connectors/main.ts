// The sinks in one process.
import process from 'node:process'
import { runComponent, whenAvailable } from '../platform/component.ts'
import { runSinkTask } from '../platform/run-sink-task.ts'
import { prepare, verifyInBackground } from '../platform/run-stream-task.ts'
import { ONLINE_TOPICS, onlineRow } from './online-rows.ts'
import { openRedisOnlineStore } from './redis-online-store.ts'

await runComponent({ name: 'sinks', process, env: process.env }, async (context) => {
  const { config, log } = context
  const prepared = await prepare(context, [])
  if (prepared === undefined) return
  const opened = await whenAvailable(context, () => openRedisOnlineStore(config, log))
  if (opened === undefined) return
  await using store = opened
  await Promise.all([
    verifyInBackground(context, prepared),
    runSinkTask(context, {
      name: 'redis-online-store',
      inputs: ONLINE_TOPICS,
      codec: prepared.codec,
      toRow: (record) => onlineRow(record, config.LINEAGE),
      write: async (rows) => {
        await store.write(rows)
      },
    }),
  ])
})
