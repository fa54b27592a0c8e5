import { execFile } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process, { env as callers } from 'node:process'
import { promisify } from 'node:util'
import { lastOf, parseDockerfile } from '../../scripts/containers/dockerfile.ts'
import { runStages } from './dockerfile-stages.ts'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)

/** What a target of the Dockerfile makes: a folder that nobody may write to, and how its programs are run. */
export interface Image extends AsyncDisposable {
  readonly workdir: string
  readonly node: string
  /** What its programs see: only what the image sets. */
  readonly env: Readonly<Record<string, string>>
  /** The image's user; whoever is not root stays who they are. */
  readonly user: { readonly uid?: number; readonly gid?: number }
  /** An instruction in its JSON form, such as HEALTHCHECK. */
  words(instruction: string): readonly string[]
  /** Runs Node as the image's user. @throws Error when it ends with another code than 0. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<{ stdout: string }>
}

/** Runs the steps of the Dockerfile in a clean folder, without an engine. @param env what the steps see besides ours */
export async function buildImage(target: string, env: Readonly<Record<string, string>> = {}): Promise<Image> {
  await using building = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-image-'))
  building.defer(async () => {
    await run('chmod', ['-R', 'u+w', folder])
    rmSync(folder, { recursive: true })
  })
  chmodSync(folder, 0o755) // another user shall reach it
  const stages = parseDockerfile(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))
  const stage = stages.find(({ name }) => name === target)
  if (stage === undefined) throw new RangeError(`no stage ${target}`)
  const built = await runStages(stages, target, { context: ROOT, folder, env: { ...callers, ...env } })
  const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {}
  const state = built.env['STATE_DIR']
  if (state !== undefined) mkdirSync(state, { recursive: true })
  if (state !== undefined && user.uid !== undefined) chownSync(state, user.uid, user.gid)
  await run('chmod', ['-R', 'a-w', built.workdir])
  const node = join(built.root, 'node') // that of this machine may lie where only its owner gets
  copyFileSync(process.execPath, node)
  const made = building.move()
  return {
    ...built,
    node,
    user,
    words: (instruction) =>
      JSON.parse(/\[.*\]/.exec(lastOf(stages, stage, instruction) ?? '')?.[0] ?? '[]') as string[],
    run: (args, more = {}) => run(node, args, { cwd: built.workdir, env: { ...built.env, ...more }, ...user }),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  }
}
