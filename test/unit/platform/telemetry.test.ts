import { pino } from 'pino'
import { beforeEach, describe, expect, test } from 'vitest'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { type TaskTelemetry, taskTelemetry, Telemetry } from '../../../platform/telemetry.ts'

const down = new SpoilerError('SPL_REDIS_UNAVAILABLE', 'writing', { onError: 'retry' })
const refused = new SpoilerError('SPL_REGISTRY_UNAVAILABLE', 'asking', { onError: 'retry' })

let telemetry: Telemetry
let lines: { level: number; msg: string; code?: string }[]
let task: TaskTelemetry
beforeEach(() => {
  telemetry = new Telemetry()
  lines = []
  const log = pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) })
  task = taskTelemetry(telemetry, 'intake', log)
})

const metric = async (line: string): Promise<string | undefined> =>
  (await telemetry.registry.metrics()).split('\n').find((text) => text.startsWith(line))

describe('readiness', () => {
  test('a task is not ready before its first assignment', () => {
    expect(telemetry.unready()).toEqual({ intake: 'no partitions assigned yet' })
    task.assigned(2)
    expect(telemetry.unready()).toEqual({})
  })

  test('one that may stand by is ready without a partition, and not while it restores one', () => {
    const own = new Telemetry()
    const standing = taskTelemetry(own, 'drift', pino({ level: 'silent' }), true)
    expect(own.unready()).toEqual({})
    standing.restoring(1)
    expect(own.unready()).toEqual({ drift: 'restoring the state of 1 partitions' })
    standing.assigned(1)
    expect(own.unready()).toEqual({})
  })

  test('a task that restores says so, also after an outage meanwhile', () => {
    task.restoring(4)
    expect(telemetry.unready()).toEqual({ intake: 'restoring the state of 4 partitions' })
    task.dependencyDown(down)
    task.dependencyUp()
    expect(telemetry.unready()).toEqual({ intake: 'restoring the state of 4 partitions' })
    task.assigned(4)
    expect(telemetry.unready()).toEqual({})
  })

  test('a dependency that is down makes it unready with the reason, and it is logged once', () => {
    task.assigned(1)
    task.dependencyDown(down)
    task.dependencyDown(down)
    expect(telemetry.unready()).toEqual({ intake: 'SPL_REDIS_UNAVAILABLE while writing' })
    expect(lines.map(({ msg }) => msg)).toEqual(['a dependency is down; waiting for it'])
    task.dependencyDown(refused)
    expect(lines).toHaveLength(2)
  })

  test('a dependency that is back makes it ready, and only one that was down is told to be back', () => {
    task.assigned(1)
    task.dependencyUp()
    expect(lines).toEqual([])
    task.dependencyDown(down)
    task.dependencyUp()
    expect(telemetry.unready()).toEqual({})
    expect(lines.at(-1)).toMatchObject({ msg: 'the dependency is back', code: 'SPL_REDIS_UNAVAILABLE' })
  })

  test('a dependency that is back before the first assignment does not make it ready', () => {
    task.dependencyDown(down)
    task.dependencyUp()
    expect(telemetry.unready()).toEqual({ intake: 'no partitions assigned yet' })
  })
})

test('a committed batch shows in every metric of the component', async () => {
  const computed = {
    outgoing: [{ topic: 't', partition: null, key: null, value: null }],
    drops: { duplicate: 2 },
    rejects: { SPL_ID_INVALID: 1 },
  }
  task.committed({ recordsIn: 4, computed, batchMs: 30, behindMs: 1500 })
  task.aborted(new SpoilerError('SPL_TRANSACTION_ABORTED', 'committing', { onError: 'retry' }))
  expect(await metric('spoiler_records_in_total')).toBe('spoiler_records_in_total{component="intake"} 4')
  expect(await metric('spoiler_records_out_total')).toBe('spoiler_records_out_total{component="intake"} 1')
  expect(await metric('spoiler_records_dropped_total')).toContain('{component="intake",reason="duplicate"} 2')
  expect(await metric('spoiler_dead_letters_total')).toContain('{component="intake",code="SPL_ID_INVALID"} 1')
  expect(await metric('spoiler_transactions_total{component="intake",outcome="committed"}')).toMatch(/ 1$/)
  expect(await metric('spoiler_transactions_total{component="intake",outcome="aborted"}')).toMatch(/ 1$/)
  expect(await metric('spoiler_seconds_behind')).toMatch(/ 1\.5$/)
  expect(await metric('spoiler_batch_seconds_bucket{le="0.02",component="intake"}')).toMatch(/ 0$/)
  expect(await metric('spoiler_batch_seconds_bucket{le="0.05",component="intake"}')).toMatch(/ 1$/)
  task.idle()
  expect(await metric('spoiler_seconds_behind')).toMatch(/ 0$/)
})
