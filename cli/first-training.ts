import { once } from 'node:events'
import { z } from 'zod'
import { pause } from '../platform/retry.ts'
import type { ModelDeployment } from '../schemas/generated.ts'
import { type ChildCommand, runChildCommand } from './child-command.ts'
import { grouped, oneLine } from './text.ts'

const POLL_MS = 1000

/**
 * Split by film: the spans of a young log are shorter than labels take, so that split by time they would have none. The
 * generated world labels a review within four days.
 */
const BUILD = ['dataset', 'build', '--split', 'movie', '--maturity', '4d', '--json']

const Built = z.object({ id: z.string() })
const Trained = z.object({ name: z.string(), version: z.string(), outcome: z.enum(['deployed', 'kept']) })

interface FirstTrainingOptions {
  /** Labels that have to be there first. */
  readonly afterLabels: number
  readonly labels: () => number
  /** What was ever deployed last, if anything was: then nothing is trained. */
  readonly champion: () => Promise<Pick<ModelDeployment, 'modelName' | 'modelVersion'> | undefined>
  /** Resolves when versions can be stored. */
  readonly storeReady: () => Promise<void>
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  readonly logFile: string
  /** Says what is under way, and in the end what came of it. */
  readonly report: (text: string) => void
  /** Runs a command line; a test may stand in for it. */
  readonly command?: (command: ChildCommand) => ReturnType<typeof runChildCommand>
}

/**
 * Waits for enough labels, builds a data set from the log, fits a baseline on it, and lets it serve if it is better
 * than what serves: the same commands that a person would type. A failure is reported and leaves everything as it was.
 */
export async function trainFirstModel(options: FirstTrainingOptions): Promise<void> {
  const { champion, signal, report } = options
  try {
    const deployed = await champion()
    if (deployed === undefined) await untilReady(options)
    else report(`${deployed.modelName}@${deployed.modelVersion} was deployed before`)
    if (deployed === undefined && !signal.aborted) await train(options)
  } catch (error) {
    report(`failed: ${oneLine((error as Error).message)}`)
  }
}

async function untilReady({ afterLabels, labels, storeReady, signal, report }: FirstTrainingOptions): Promise<void> {
  while (!signal.aborted && labels() < afterLabels) {
    report(`begins at ${grouped(afterLabels)} labels, ${grouped(labels())} so far`)
    await pause(POLL_MS, signal)
  }
  if (signal.aborted) return
  report('waits for S3')
  await Promise.race([storeReady(), once(signal, 'abort')])
}

async function train(options: FirstTrainingOptions): Promise<void> {
  const built = await step(options, Built, BUILD)
  if (built === undefined) return
  const trained = await step(options, Trained, ['train', '--dataset', built.id, '--deploy', '--json'])
  if (trained === undefined) return
  const { name, version, outcome } = trained
  const done =
    outcome === 'deployed' ? `${name}@${version} takes over` : `${name}@${version} is not better: not deployed`
  options.report(done)
}

/** @returns What the command printed; undefined when it failed or was interrupted, which is reported. */
async function step<T>(
  { env, signal, logFile, report, command = runChildCommand }: FirstTrainingOptions,
  shape: z.ZodType<T>,
  line: readonly string[],
): Promise<T | undefined> {
  const [doing = ''] = line
  const said: string[] = []
  const onLine = (text: string): void => {
    if (text.trim() !== '') said[0] = oneLine(text)
    report(`${doing}: ${said[0] ?? ''}`)
  }
  report(`${doing}: begins`)
  const { exitCode, stdout } = await command({ line, env, signal, logFile, onLine })
  if (signal.aborted) return undefined
  if (exitCode === 0) return shape.parse(JSON.parse(stdout))
  report(`${doing} failed: ${said[0] ?? `exit code ${exitCode}`}; see ${logFile}`)
  return undefined
}
