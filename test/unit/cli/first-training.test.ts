import { expect, test } from 'vitest'
import type { ChildCommand } from '../../../cli/child-command.ts'
import { trainFirstModel } from '../../../cli/first-training.ts'

interface Answer {
  readonly exitCode: number
  readonly stdout?: string
  readonly stderr?: string
}
const BUILT: Answer = { exitCode: 0, stdout: '{"id":"0123456789abcdef"}' }
const trained = (outcome: string): Answer => ({
  exitCode: 0,
  stdout: `{"name":"baseline","version":"v1","outcome":"${outcome}"}`,
})

type Options = Parameters<typeof trainFirstModel>[0]

/** Stands in for the commands: each gives the next answer. */
async function train(answers: Answer[], changed: Partial<Options> = {}) {
  const lines: string[] = []
  const reports: string[] = []
  const command = ({ line, onLine }: ChildCommand) => {
    lines.push(line.join(' '))
    const { exitCode, stdout = '', stderr = '' } = answers[lines.length - 1] as Answer
    onLine(stderr)
    return Promise.resolve({ exitCode, stdout })
  }
  const report = (text: string): number => reports.push(text)
  await trainFirstModel({
    afterLabels: 10,
    labels: () => 10,
    champion: () => Promise.resolve(undefined),
    storeReady: () => Promise.resolve(),
    env: {},
    signal: new AbortController().signal,
    logFile: 'training.log',
    report,
    command,
    ...changed,
  })
  return { lines, last: reports.at(-1) }
}

test('with enough labels a data set is built, a model is fitted on it, and takes over when it is better', async () => {
  const { lines, last } = await train([BUILT, trained('deployed')])
  expect(lines).toEqual([
    'dataset build --split movie --maturity 4d --json',
    'train --dataset 0123456789abcdef --deploy --json',
  ])
  expect(last).toBe('baseline@v1 takes over')
})

test('a model that is not better is kept and not deployed, and the view says so', async () => {
  expect((await train([BUILT, trained('kept')])).last).toBe('baseline@v1 is not better: not deployed')
})

test('a failure is told with its last words and where the rest stands; nothing is tried after it', async () => {
  const { lines, last } = await train([{ exitCode: 1, stderr: 'SPL_DATASET_EMPTY while building' }])
  expect(lines).toHaveLength(1)
  expect(last).toBe('dataset failed: SPL_DATASET_EMPTY while building; see training.log')
})

test('an interrupt begins nothing', async () => {
  expect((await train([], { signal: AbortSignal.abort() })).lines).toEqual([])
})

test('where a version was deployed before, none is trained', async () => {
  const champion = () => Promise.resolve({ modelName: 'baseline', modelVersion: 'v1' })
  expect(await train([], { champion })).toEqual({ lines: [], last: 'baseline@v1 was deployed before' })
})

test('what fails on the way is told, and ends nothing else', async () => {
  const storeReady = () => Promise.reject(new Error('S3 cannot be built'))
  expect(await train([], { storeReady })).toEqual({ lines: [], last: 'failed: S3 cannot be built' })
})
