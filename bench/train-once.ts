// Trains on the data set in a folder, and prints when each step was done: a process of its own, so that its memory is
// that of the training. Started by bench/training.ts.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { trainBaseline } from '../trainers/baseline/train-baseline.ts'
import { openDataset } from '../trainers/dataset/open-dataset.ts'

const [folder = '', packages = '', path = ''] = process.argv.slice(2)
const startMs = performance.now()
const endMs = new Map<string, number>()
const workFolder = await mkdtemp(join(tmpdir(), 'train-once-'))
try {
  await trainBaseline(
    await openDataset(folder),
    { name: 'baseline', seed: 0 },
    {
      workFolder,
      packages,
      env: { PATH: path },
      signal: new AbortController().signal,
      onProgress: ({ step }) => endMs.set(step, performance.now() - startMs),
    },
  )
} finally {
  await rm(workFolder, { recursive: true, force: true })
}
process.stdout.write(JSON.stringify({ ...Object.fromEntries(endMs), all: performance.now() - startMs }))
