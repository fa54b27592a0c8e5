import { pino } from 'pino'
import { expect, test } from 'vitest'
import { askComponent, taskFigures } from '../../../cli/component-metrics.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { openStatusServer } from '../../../platform/status-server.ts'
import { taskTelemetry, Telemetry } from '../../../platform/telemetry.ts'

/** A component that has committed one batch of its task `intake`. */
function working(): Telemetry {
  const telemetry = new Telemetry()
  const task = taskTelemetry(telemetry, 'intake', pino({ level: 'silent' }))
  task.assigned(4)
  const computed = { outgoing: Array.from({ length: 7 }, () => ({})), drops: {}, rejects: { SPL_X: 2, SPL_Y: 1 } }
  task.committed({ recordsIn: 10, computed, batchMs: 5, behindMs: 1500 } as unknown as Parameters<
    typeof task.committed
  >[0])
  task.aborted(new SpoilerError('SPL_TRANSACTION_ABORTED', 'committing', { onError: 'retry' }))
  return telemetry
}

test('the figures of a task are those that its telemetry has counted', async () => {
  const figures = taskFigures(await working().registry.metrics())
  const counted = { recordsIn: 10, recordsOut: 7, transactions: 1, aborted: 1, deadLetters: 3, secondsBehind: 1.5 }
  expect(figures).toEqual([{ task: 'intake', ...counted }])
})

test('a component that answers is asked over HTTP', async () => {
  const telemetry = working()
  telemetry.setUnready('user-history', 'Redis "is" down')
  await using server = await openStatusServer(telemetry, '127.0.0.1', 0)
  const report = await askComponent(server.url)
  expect(report).toMatchObject({ ready: false, unready: { 'user-history': 'Redis "is" down' } })
  telemetry.setReady('user-history')
  expect((await askComponent(server.url)).ready).toBe(true)
})

test('a component that does not answer is not ready, and says why', async () => {
  let url: string
  {
    await using server = await openStatusServer(new Telemetry(), '127.0.0.1', 0)
    url = server.url
  }
  expect(await askComponent(url)).toEqual({
    ready: false,
    unready: { process: expect.stringContaining('does not answer') as string },
    tasks: [],
  })
  expect((await askComponent(undefined)).unready).toEqual({ process: 'it has not started yet' })
})
