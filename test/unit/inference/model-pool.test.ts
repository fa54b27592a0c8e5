import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Model, Prediction, ScoringInput } from '../../../inference/model.ts'
import { startModelPool } from '../../../inference/model-pool.ts'
import { type ModelProcess, ProcessEnded, startModelProcess } from '../../../inference/model-process.ts'
import { loadModelVersion } from '../../../inference/model-version.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { DEADLY_UNITS, linearVersion, reviewOf } from '../../support/linear-versions.ts'
import { childrenOf, isAlive } from '../../support/processes.ts'

const DEADLY = 'x'.repeat(DEADLY_UNITS)
const reviews = (count: number) => Array.from({ length: count }, (_, i) => reviewOf(`Review number ${i} of this film`))
const predictionsOf = (model: Model, rows: ReturnType<typeof reviews>): Promise<Prediction[]> =>
  Promise.all(rows.map((row) => model.score(row)))

/** A pool of such processes, and a way to end one of them as kill -9 does. */
async function poolOf(folder: string, count: number) {
  const processes: ModelProcess[] = []
  const ends: Error[] = []
  const start = async () => {
    const process = await startModelProcess(folder)
    processes.push(process)
    return process
  }
  const pool = await startModelPool({ count, start, onEnd: (end) => ends.push(end) })
  return { pool, processes, ends }
}

test.each([1, 2, 3])('%i processes give what one in this process gives, each row its own', async (count) => {
  await using version = await linearVersion()
  await using here = await loadModelVersion(version.folder)
  const { pool, processes } = await poolOf(version.folder, count)
  await using model = pool
  const rows = reviews(200)
  expect(await predictionsOf(model, rows)).toEqual(await predictionsOf(here, rows))
  expect(processes).toHaveLength(count)
})

// where an overflowing division does not end a process there is no such row
test.skipIf(process.arch !== 'x64')(
  'a row that ends two processes is given up; every other row is scored as if it had not been there',
  async () => {
    await using version = await linearVersion({ graph: 'deadly' })
    await using harmless = await linearVersion()
    await using here = await loadModelVersion(harmless.folder)
    const { pool, processes } = await poolOf(version.folder, 2)
    await using model = pool
    const rows = [...reviews(20), reviewOf(DEADLY), ...reviews(20), reviewOf(DEADLY), ...reviews(3)]
    const results = await Promise.allSettled(rows.map((row) => model.score(row)))
    const failed = results.flatMap((result, i) =>
      result.status === 'rejected' ? [{ i, error: result.reason as unknown }] : [],
    )
    expect(failed.map(({ i }) => i)).toEqual([20, 41])
    for (const { error } of failed) expect(error).toMatchObject({ code: 'SPL_ROW_ENDS_MODEL', onError: 'dead-letter' })
    for (const [i, result] of results.entries()) {
      const row = rows[i]
      if (result.status === 'fulfilled' && row !== undefined) expect(result.value).toEqual(await here.score(row))
    }
    // two for each deadly row, and the two that came after the last of them
    expect(processes.length).toBeLessThanOrEqual(6)
  },
)

test('a process that ends while it waits is replaced, and no row is suspected for it', async () => {
  await using version = await linearVersion()
  const { pool, processes } = await poolOf(version.folder, 1)
  await using model = pool
  await processes[0]?.[Symbol.asyncDispose]()
  await expect(predictionsOf(model, reviews(5))).resolves.toHaveLength(5)
  expect(processes).toHaveLength(2)
})

test('processes that are killed together are replaced, and no row is given up for it', async () => {
  await using version = await linearVersion()
  const { description, score } = await describedAndScored(version.folder)
  const state = { started: 0, killed: 0 }
  /** Its end is noticed only by who asks it, as that of a process which another kill has just ended. */
  const start = (): Promise<ModelProcess> => {
    const nth = ++state.started
    let ended = false
    return Promise.resolve({
      description,
      get ended() {
        return ended
      },
      score: (rows) => {
        ended = nth <= state.killed
        return ended ? Promise.reject(new ProcessEnded('ended by SIGKILL')) : score(rows)
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  }
  await using model = await startModelPool({ count: 3, start })
  state.killed = 3
  await expect(predictionsOf(model, reviews(1))).resolves.toHaveLength(1) // the others wait, and do not know yet
  expect(state.started).toBeLessThanOrEqual(6)
})

/** What a process of the version says, made in this one. */
async function describedAndScored(folder: string): Promise<Pick<ModelProcess, 'description' | 'score'>> {
  const model = await loadModelVersion(folder)
  onTestFinished(() => model[Symbol.asyncDispose]())
  const scored = async (row: ScoringInput) => ({ prediction: await model.score(row) })
  return { description: model, score: (rows) => Promise.all(rows.map(scored)) }
}

test('a row that the model cannot score is given up, and the process lives on', async () => {
  await using version = await linearVersion()
  const { pool, processes } = await poolOf(version.folder, 1)
  await using model = pool
  const values = reviewOf('x').values.map(() => Number.NaN)
  await expect(model.score(reviewOf('x', { values }))).rejects.toMatchObject({
    code: 'SPL_PROCESSING_FAILED',
    onError: 'dead-letter',
  })
  await expect(predictionsOf(model, reviews(3))).resolves.toHaveLength(3)
  expect(processes).toHaveLength(1)
})

test('while no process can be started the rows are to be scored again later, and then are', async () => {
  await using version = await linearVersion()
  const state = { down: false }
  const processes: ModelProcess[] = []
  await using model = await startModelPool({
    count: 1,
    start: async () => {
      if (state.down) throw new SpoilerError('SPL_MODEL_UNAVAILABLE', 'testing', { onError: 'retry' })
      processes.push(await startModelProcess(version.folder))
      return processes.at(-1) as ModelProcess
    },
  })
  state.down = true
  await processes[0]?.[Symbol.asyncDispose]()
  const results = await Promise.allSettled(reviews(40).map((row) => model.score(row)))
  for (const result of results) expect(result).toMatchObject({ reason: { onError: 'retry' } })
  state.down = false
  await expect(predictionsOf(model, reviews(40))).resolves.toHaveLength(40)
})

test('a folder that meanwhile holds another version is refused: one model version never scores as another', async () => {
  await using version = await linearVersion()
  await using other = await linearVersion({ draft: { threshold: 0.9 } })
  const folders = [version.folder, other.folder]
  const processes: ModelProcess[] = []
  await using model = await startModelPool({
    count: 1,
    start: async () => {
      processes.push(await startModelProcess(folders.shift() as string))
      return processes.at(-1) as ModelProcess
    },
  })
  await processes[0]?.[Symbol.asyncDispose]()
  await expect(model.score(reviewOf('x'))).rejects.toMatchObject({ code: 'SPL_MODEL_INVALID' })
})

test('what the process says of a version that it refuses is what the caller hears', async () => {
  await using version = await linearVersion()
  await expect(poolOf(`${version.folder}-not-there`, 2)).rejects.toMatchObject({
    code: 'SPL_MODEL_INVALID',
    onError: 'stop',
    message: expect.stringContaining('ENOENT') as string,
  })
})

test('a process that ends without a word may be started again later', async () => {
  const silent = join(import.meta.dirname, '..', '..', 'fixtures', 'models', 'silent-process.ts')
  await expect(startModelProcess('/anywhere', silent)).rejects.toMatchObject({
    code: 'SPL_MODEL_UNAVAILABLE',
    onError: 'retry',
    cause: new ProcessEnded('exit code 7'),
  })
})

test('when its parent is killed with -9 its processes end', async () => {
  await using version = await linearVersion()
  const holder = join(import.meta.dirname, '..', '..', 'fixtures', 'models', 'holding-process.ts')
  const parent = spawn(process.execPath, [holder, version.folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(parent.stdout, 'data')
  const children = childrenOf(parent.pid as number)
  expect(children).toHaveLength(2)
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await expect.poll(() => children.filter(isAlive), { timeout: 10_000 }).toEqual([])
})

test('a closed model leaves no process behind', async () => {
  await using version = await linearVersion()
  const { pool, processes } = await poolOf(version.folder, 2)
  await pool[Symbol.asyncDispose]()
  expect(processes.map(({ ended }) => ended)).toEqual([true, true])
})
