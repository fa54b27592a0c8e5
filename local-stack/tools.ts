import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { SpoilerError } from '../platform/spoiler-error.ts'

/** Written by scripts/setup/record.mjs. */
const RECORD = join(import.meta.dirname, '../node_modules/.spoiler-shield/setup.json')

const Tools = z.object({
  kafkaLibs: z.string(),
  kafkaVersion: z.string(),
  registryJar: z.string(),
  valkeyServer: z.string(),
  java: z.string(),
  javaMajor: z.number().int(),
  /** Folder of the JVMs' class archives, in the user's cache; may be absent. */
  classArchives: z.string(),
})
/** Paths of the programs that the stack runs. */
export type Tools = Readonly<z.infer<typeof Tools>>

function missingOf({ kafkaLibs, registryJar, valkeyServer, java }: Tools): string[] {
  return [kafkaLibs, registryJar, valkeyServer, java].filter((path) => !existsSync(path))
}

/** The S3 server, which may be built later than the rest; undefined while it is not there. */
export function findS3Server(record: string = RECORD): string | undefined {
  const parsed = z.object({ s3: z.object({ server: z.string() }) }).safeParse(readRecord(record))
  return parsed.success && existsSync(parsed.data.s3.server) ? parsed.data.s3.server : undefined
}

function readRecord(record: string): unknown {
  return existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : {}
}

/**
 * Finds what set-up has brought.
 *
 * @throws SpoilerError SPL_SETUP_FAILED when set-up has not run, or its cache was removed since.
 */
export function findTools(record: string = RECORD): Tools {
  const parsed = z.object({ stack: Tools }).safeParse(readRecord(record))
  const missing = parsed.success ? missingOf(parsed.data.stack) : [record]
  if (parsed.success && missing.length === 0) return parsed.data.stack
  throw new SpoilerError('SPL_SETUP_FAILED', `looking for ${missing.join(', ')}\nRun: node scripts/setup.mjs`, {
    onError: 'stop',
    context: { missing },
  })
}
