import { createHash, hash } from 'node:crypto'
import { createReadStream, mkdirSync } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { SpoilerError } from '../platform/spoiler-error.ts'

const count = z.number().int().min(0)
const Counts = z.object({ movies: count, reviews: count, reviewLabels: count })
const Checkpoint = z.object({
  fingerprint: z.string(),
  /** Records acknowledged by the broker, over all runs of the job: always the first ones of its source. */
  acknowledged: Counts,
  finished: z.boolean(),
  /** Values that the first run resolved and later runs must use again, such as the start of an event clock. */
  resolved: z.record(z.string(), z.number()),
})

/** Records by topic. */
export type TopicCounts = z.infer<typeof Counts>
export type Checkpoint = Readonly<z.infer<typeof Checkpoint>>

export interface CheckpointStore {
  load(): Promise<Checkpoint | null>
  save(checkpoint: Checkpoint): Promise<void>
}

export const NO_RECORDS: TopicCounts = { movies: 0, reviews: 0, reviewLabels: 0 }

export function totalOf(counts: TopicCounts): number {
  return counts.movies + counts.reviews + counts.reviewLabels
}

/** Keeps the checkpoint of one job in one file; a save replaces it as a whole and survives a power cut. */
export function fileCheckpointStore(file: string): CheckpointStore {
  return {
    async load() {
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      })
      return text === null ? null : parseCheckpoint(file, text)
    },
    async save(checkpoint) {
      mkdirSync(dirname(file), { recursive: true })
      const next = `${file}.${process.pid}.next`
      {
        await using handle = await open(next, 'w')
        await handle.writeFile(`${JSON.stringify(checkpoint)}\n`)
        await handle.sync()
      }
      await rename(next, file)
    },
  }
}

/** What makes two starts the same job: the target, the arguments that decide the events, and the files' contents. */
export function fingerprintOf(target: string, job: Readonly<Record<string, unknown>>, fileHashes: string[]): string {
  return hash('sha256', JSON.stringify([target, job, fileHashes]), 'hex').slice(0, 32)
}

/** SHA-256 of a file's content: a file that was edited or replaced is another job. 1 GB takes about a second. */
export async function hashFile(file: string): Promise<string> {
  const sha = createHash('sha256')
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) sha.update(chunk as Buffer)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SpoilerError('SPL_INPUT_FILE_INVALID', `reading ${file}: ${why}`, { onError: 'stop', cause })
  }
  return sha.digest('hex')
}

function parseCheckpoint(file: string, text: string): Checkpoint {
  try {
    return Checkpoint.parse(JSON.parse(text))
  } catch (cause) {
    const what = `reading the checkpoint ${file}; remove it to publish the job from its beginning`
    throw new SpoilerError('SPL_INPUT_FILE_INVALID', what, { onError: 'stop', cause })
  }
}
