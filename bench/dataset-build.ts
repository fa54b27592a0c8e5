import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import type { Pipeline } from '../test/support/pipeline.ts'
import type { DatasetManifest } from '../trainers/dataset/manifest.ts'
import { ProcessWatch } from './process-usage.ts'

const SHIELD = join(import.meta.dirname, '../cli/main.ts')

export interface Building {
  /** Feature rows that were joined. */
  readonly rows: number
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly cpuSeconds: number
  readonly peakRssMb: number
}

/** `shield dataset build`, with everything that the command does. */
export async function buildDataset(
  pipeline: Pipeline,
  options: readonly string[] = [],
): Promise<{ manifest: DatasetManifest; building: Building }> {
  const startMs = performance.now()
  const child = spawn(process.execPath, [SHIELD, 'dataset', 'build', '--json', '--maturity', '0s', ...options], {
    env: pipeline.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  using watch = new ProcessWatch(() => (child.exitCode === null ? child.pid : undefined))
  const [stdout] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const seconds = (performance.now() - startMs) / 1000
  const manifest = JSON.parse(stdout) as DatasetManifest
  const rows = manifest.counts.read
  return {
    manifest,
    building: {
      rows,
      seconds,
      rowsPerSecond: rows / seconds,
      cpuSeconds: watch.cpuMs / 1000,
      peakRssMb: watch.peakRssMb,
    },
  }
}
