import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const LEFT_OUT = new Set(['node_modules', '.git', '.local', 'test', 'docs', 'bench'])

export interface ChangedCode extends AsyncDisposable {
  /** Script of the command `shield`. */
  readonly shield: string
}

/** A copy of this code in which one text stands instead of another, to run beside it. */
export async function changedCode(file: string, from: string, to: string): Promise<ChangedCode> {
  const folder = await mkdtemp(join(tmpdir(), 'changed-code-'))
  await cp(ROOT, folder, { recursive: true, filter: (source) => source === ROOT || !LEFT_OUT.has(basename(source)) })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const text = await readFile(join(folder, file), 'utf8')
  if (!text.includes(from)) throw new Error(`${file} does not hold: ${from}`)
  await writeFile(join(folder, file), text.replace(from, to))
  return {
    shield: join(folder, 'cli/main.ts'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}
