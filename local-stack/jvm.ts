import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Tools } from './tools.ts'

/** From this version on a JVM makes and renews its archive by itself (JDK-8261455). */
const AUTO_ARCHIVE_SINCE = 19
const MAGIC_BYTES = 4

/** The JVM writes the first bytes last: zeroes mean that it was killed while it wrote. */
function isWhole(archive: string): boolean {
  if (!existsSync(archive)) return false
  const file = openSync(archive, 'r')
  try {
    const magic = Buffer.alloc(MAGIC_BYTES)
    return readSync(file, magic, 0, MAGIC_BYTES, 0) === MAGIC_BYTES && magic.readInt32BE(0) !== 0
  } finally {
    closeSync(file)
  }
}

/**
 * Options with which a JVM keeps its loaded classes for the next start (class-data sharing), shared by all checkouts.
 * The first start writes the archive as the JVM ends, which takes about 3 s more.
 *
 * @param classes What is loaded: an archive fits one class path and one Java only.
 */
export function sharedClasses({ java, javaMajor, classArchives }: Tools, classes: string): string[] {
  mkdirSync(classArchives, { recursive: true })
  const program = realpathSync(java)
  const key = [program, statSync(program).mtimeMs, classes].join('\n')
  const name = createHash('sha256').update(key).digest('hex').slice(0, 16)
  const archive = join(classArchives, `${name}.jsa`)
  if (javaMajor >= AUTO_ARCHIVE_SINCE) return ['-XX:+AutoCreateSharedArchive', `-XX:SharedArchiveFile=${archive}`]
  if (isWhole(archive)) return ['-Xshare:auto', `-XX:SharedArchiveFile=${archive}`]
  return [`-XX:ArchiveClassesAtExit=${archive}`]
}
