import type { Tools } from './tools.ts'

/** From this version on a JVM makes and renews an archive of its loaded classes by itself (JEP 350, JDK-8261455). */
const AUTO_ARCHIVE_SINCE = 19

/**
 * Options with which a JVM keeps its loaded classes for the next start.
 *
 * @param archive File of the archive; one that does not fit any more is ignored by the JVM.
 */
export function sharedClasses({ javaMajor }: Pick<Tools, 'javaMajor'>, archive: string): string[] {
  if (javaMajor < AUTO_ARCHIVE_SINCE) return []
  return ['-Xshare:auto', '-XX:+AutoCreateSharedArchive', `-XX:SharedArchiveFile=${archive}`]
}
