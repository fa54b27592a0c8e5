import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Pattern {
  readonly text: string
  readonly matches: RegExp
  readonly includes: boolean
}

/** A pattern matches a path, and with it all that is below. `*` stands for anything but a slash, `**` for any folders. */
function patternOf(line: string): Pattern {
  const includes = line.startsWith('!')
  const text = line.slice(includes ? 1 : 0).replaceAll(/^\/|\/$/g, '')
  const source = text
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll(/\*\*\/|\*\*|\*|\?/g, (glob) =>
      glob === '**/' ? '(?:.*/)?' : glob === '**' ? '.*' : glob === '*' ? '[^/]*' : '[^/]',
    )
  return { text, matches: new RegExp(`^${source}(?:/|$)`), includes }
}

export function parseDockerignore(text: string): Pattern[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(patternOf)
}

/** Whether an engine is sent the file: the last pattern that matches decides. */
export function isSent(patterns: readonly Pattern[], path: string): boolean {
  return patterns.findLast(({ matches }) => matches.test(path))?.includes ?? true
}

/** Files below the folder that an engine would be sent, by its .dockerignore; sorted. */
export function contextFiles(root: string): string[] {
  const patterns = parseDockerignore(readFileSync(join(root, '.dockerignore'), 'utf8'))
  const wanted = patterns.filter(({ includes }) => includes).map(({ text }) => text)
  const found: string[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      const sent = isSent(patterns, path)
      if (entry.isDirectory() && (sent || wanted.some((text) => text.startsWith(`${path}/`)))) walk(path)
      if (!entry.isDirectory() && sent) found.push(path)
    }
  }
  walk('')
  return found.sort()
}
