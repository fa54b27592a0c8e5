import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import type { Pipeline } from './pipeline.ts'

const MAIN = join(import.meta.dirname, '../../cli/main.ts')

export interface ShieldRun {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The command `shield` in a process of its own, as people run it. @param main Its script. */
export function startShield({ env }: Pick<Pipeline, 'env'>, args: readonly string[], main = MAIN): ChildProcess {
  return spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Runs `shield` to its end. */
export async function shield(
  pipeline: Pick<Pipeline, 'env'>,
  args: readonly string[],
  main = MAIN,
): Promise<ShieldRun> {
  const { stdout, ...run } = await shieldBytes(pipeline, args, main)
  return { ...run, stdout: stdout.toString('utf8') }
}

/** As {@link shield}, with what it wrote byte for byte. */
export async function shieldBytes(
  pipeline: Pick<Pipeline, 'env'>,
  args: readonly string[],
  main = MAIN,
): Promise<Omit<ShieldRun, 'stdout'> & { readonly stdout: Buffer }> {
  const child = startShield(pipeline, args, main)
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const [stdout, stderr] = await Promise.all([buffer(child.stdout as never), text(child.stderr as never)])
  return { exitCode: await ended, stdout, stderr }
}
