import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import process from 'node:process'

/** What is imported for its values; a type changes nothing that runs. */
const IMPORT = /^(?:import|export)\s+(?!type\b)[^'"]*?\bfrom\s+'(\.{1,2}\/[^']+)'/gm

/**
 * Names what a module does: a hash of its source, of all sources of ours that it runs, and of the version of Node. Equal
 * only for code that is equal, letter by letter; a comment that changes makes another one.
 */
export function codeFingerprint(module: URL): string {
  const hash = createHash('sha256').update(process.version)
  const seen = new Set<string>()
  const add = (url: URL): void => {
    if (seen.has(url.href)) return
    seen.add(url.href)
    const source = readFileSync(url, 'utf8')
    hash.update(`\0${source.length}\0${source}`)
    for (const [, path] of source.matchAll(IMPORT)) add(new URL(path as string, url))
  }
  add(module)
  return hash.digest('hex').slice(0, 16)
}
