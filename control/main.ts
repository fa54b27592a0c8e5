// Decides about training jobs and deployments, and launches what was decided as processes of this machine.
import { join } from 'node:path'
import process from 'node:process'
import { runComponent, type ComponentContext } from '../platform/component.ts'
import { prepare, runFold, verifyInBackground } from '../platform/run-stream-task.ts'
import { pause, whileDependencyIsDown } from '../platform/retry.ts'
import { linkControl } from '../trainers/jobs/control-link.ts'
import { localLauncher, TASKS_FOLDER } from '../trainers/launchers/local.ts'
import { control } from './control.ts'
import { controlIntake } from './control-intake.ts'

const SHIELD = join(import.meta.dirname, '../cli/main.ts')

/** Every task reads or writes the object store. Its client takes a second to load: only who launches waits for that. */
async function untilStoreAnswers({ config, log, signal }: ComponentContext): Promise<boolean> {
  const { openS3ObjectStore } = await import('../connectors/s3-object-store.ts')
  using store = openS3ObjectStore(config)
  const onDown = (err: Error): void => log.warn({ err }, 'no task is launched until the object store answers')
  const answers = async (): Promise<boolean> => (await store.ensureBucket(), true)
  return (await whileDependencyIsDown(answers, { signal, pause, onUp: () => undefined, onDown })) ?? false
}

await runComponent({ name: 'control', process, env: process.env }, async (context) => {
  const { config, log } = context
  const prepared = await prepare(context, [{ ...control, input: 'controlLog' }])
  if (prepared === undefined) return
  const { codec } = prepared
  const launcher = localLauncher({
    folder: join(config.STATE_DIR, TASKS_FOLDER),
    program: [process.execPath, SHIELD],
    env: process.env,
  })
  const work = (signal: AbortSignal): Promise<void> =>
    linkControl({ config, codec, launcher, untilReady: () => untilStoreAnswers({ ...context, signal }), log, signal })
  await Promise.all([
    verifyInBackground(context, prepared),
    runFold(context, controlIntake, { codec, inputs: ['driftEvents'] }),
    runFold(context, control, { codec, inputs: ['controlLog'], work }),
  ])
})
