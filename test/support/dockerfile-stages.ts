import { execFile } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { contextFiles } from '../../scripts/containers/build-context.ts'
import { lastOf, parseCopy, type Stage } from '../../scripts/containers/dockerfile.ts'

const run = promisify(execFile)
/** What only root can do; the programs of this machine take the place of what it would install. */
const OF_THE_SYSTEM = /^apt-get /
/** Absolute paths that the image makes: they lie in the folder of the stage. */
const OWN_FOLDERS = /(?<=^|[\s=:])(?=\/(?:opt|var)\/)/g

export interface BuiltStage {
  /** Stands for `/` of the image. */
  readonly root: string
  /** Stands for the working folder. */
  readonly workdir: string
  /** What the image sets, and nothing of the caller's. */
  readonly env: Readonly<Record<string, string>>
}

interface Options {
  /** Folder of the Dockerfile. */
  readonly context: string
  /** Empty or missing; gets a folder for each stage. */
  readonly folder: string
  /** Variables that the steps see besides those of the image. */
  readonly env: NodeJS.ProcessEnv
}

/**
 * Runs the steps of a Dockerfile up to a stage, without an engine: each stage is a folder, its programs are those of this
 * machine, and steps of the package manager are left out.
 *
 * @throws Error of the step that failed, with its output; RangeError when a source of COPY is not there.
 */
export async function runStages(stages: readonly Stage[], target: string, options: Options): Promise<BuiltStage> {
  const stage = stages.find(({ name }) => name === target)
  const root = join(options.folder, target)
  mkdirSync(root, { recursive: true })
  if (stage === undefined) return { root, workdir: root, env: {} } // an image of others: an empty folder
  const base = await runStages(stages, stage.base, options)
  await copyTree(`${base.root}/.`, root)
  const workdir = join(root, lastOf(stages, stage, 'WORKDIR') ?? '/')
  mkdirSync(workdir, { recursive: true })
  let { env } = base
  for (const { name, text } of stage.instructions) {
    if (name === 'COPY') await copy(stages, text, workdir, options)
    if (name === 'ENV') env = withVariables(env, text, root, options.env)
    if (name === 'RUN' && !OF_THE_SYSTEM.test(text)) {
      const command = text.replaceAll(OWN_FOLDERS, root)
      await run('sh', ['-c', command], { cwd: workdir, env: { ...options.env, ...env }, maxBuffer: 1e8 })
    }
  }
  return { root, workdir, env }
}

/** Hard links: a stage of 300 MB costs nothing. */
async function copyTree(from: string, to: string): Promise<void> {
  mkdirSync(dirname(to), { recursive: true })
  await run('cp', ['--archive', '--link', '--no-target-directory', from, to])
}

async function copy(stages: readonly Stage[], text: string, workdir: string, options: Options): Promise<void> {
  const { from, sources, target } = parseCopy(text)
  if (from !== undefined) {
    const built = await runStages(stages, from, options)
    for (const source of sources) await copyTree(join(built.root, source), join(workdir, target))
    return
  }
  const sent = contextFiles(options.context)
  for (const source of sources) {
    const files = sent.filter((file) => source === '.' || file === source || file.startsWith(`${source}/`))
    if (files.length === 0) throw new RangeError(`COPY ${source}: no such file is sent`)
    for (const file of files) {
      // of a folder its content is copied, of a file the file
      const name = file === source ? basename(file) : file.slice(source === '.' ? 0 : source.length)
      cpSync(join(options.context, file), join(workdir, target, name))
    }
  }
}

function withVariables(
  old: BuiltStage['env'],
  text: string,
  root: string,
  callers: NodeJS.ProcessEnv,
): BuiltStage['env'] {
  const env = { ...old }
  for (const [, name = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g)) {
    const known = (_: string, other: string): string => env[other] ?? callers[other] ?? ''
    env[name] = value.replaceAll(OWN_FOLDERS, root).replaceAll(/\$(\w+)/g, known)
  }
  return env
}
