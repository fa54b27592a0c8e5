import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { TWO_YEARS_MS } from '../producers/world/world.ts'
import { childrenOf } from '../test/support/processes.ts'
import { buildFromLogs, WORLD_START, worldLogs } from '../test/support/world-dataset.ts'
import { bringPythonPackages } from '../trainers/python-packages.ts'
import { cpuMs, rssMb } from './process-usage.ts'

const SHARES = { fit: 0.6, stop: 0.1, calibrate: 0.15, gate: 0.15 }
const SAMPLE_MS = 100

interface Usage {
  rssMb: number
  cpuSeconds: number
}

/** Time, processor time and memory of a training, in TypeScript and in the process that fits. */
export async function training(reviews: number, path: string): Promise<object> {
  const root = await mkdtemp(join(tmpdir(), 'bench-training-'))
  try {
    const folder = join(root, 'set')
    const speed = (WORLD_START.rate * TWO_YEARS_MS) / 1000 / reviews
    const split = { by: 'time', seed: 1, shares: SHARES } as const
    const { counts } = await buildFromLogs(worldLogs(reviews, { speed }), { split }, { folder, sortFolder: root })
    const packages = await bringPythonPackages(new AbortController().signal, () => undefined)
    const child = spawn(process.execPath, [join(import.meta.dirname, 'train-once.ts'), folder, packages, path])
    const usage = { typescript: { rssMb: 0, cpuSeconds: 0 }, python: { rssMb: 0, cpuSeconds: 0 } }
    const sampling = setInterval(() => {
      for (const pid of child.pid === undefined ? [] : [child.pid]) {
        sample(pid, usage.typescript)
        for (const fit of childrenOf(pid)) sample(fit, usage.python)
      }
    }, SAMPLE_MS)
    const [told, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    clearInterval(sampling)
    if (told === '') throw new Error(errors)
    return { reviews, rows: counts.kept, ...secondsOf(JSON.parse(told) as Steps), ...usage, loadAverage: loadavg()[0] }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** ms from the start to the end of each step. */
interface Steps {
  readonly 'reading rows': number
  readonly fitting: number
  readonly 'scoring held-out rows': number
  readonly all: number
}

function secondsOf(steps: Steps): object {
  const [read, fitted, scored] = [steps['reading rows'], steps.fitting, steps['scoring held-out rows']]
  const seconds = (ms: number): number => Math.round(ms / 100) / 10
  return {
    seconds: {
      reading: seconds(read),
      fitting: seconds(fitted - read),
      scoring: seconds(scored - fitted),
      report: seconds(steps.all - scored),
    },
  }
}

/** A process may end between two looks at it. */
function sample(pid: number, usage: Usage): void {
  try {
    const nowMb = Math.round(rssMb(pid))
    if (nowMb > usage.rssMb) usage.rssMb = nowMb
    usage.cpuSeconds = Math.max(usage.cpuSeconds, cpuMs(pid) / 1000)
  } catch {
    // it has ended
  }
}
