// One model version in a process of its own, started by model-process.ts: loads and proves it, then scores rows, one
// after the other. It ends when its channel closes, and with it when its parent dies.
import process from 'node:process'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { Model, ScoringInput } from './model.ts'
import type { ModelMessage, RowResult, ScoreRequest } from './model-messages.ts'
import { loadModelVersion } from './model-version.ts'

const [folder = ''] = process.argv.slice(2)
process.on('disconnect', () => process.exit())
// signals for the whole group are for the parent, which finishes its batch first
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)

function tell(message: ModelMessage): void {
  process.send?.(message)
}

async function resultOf(model: Model, row: ScoringInput): Promise<RowResult> {
  try {
    return { prediction: await model.score(row) }
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}

async function answer(model: Model, { rows }: ScoreRequest): Promise<void> {
  const results: RowResult[] = []
  for (const row of rows) results.push(await resultOf(model, row))
  tell({ kind: 'scored', results })
}

try {
  const model = await loadModelVersion(folder)
  process.on('message', (request: ScoreRequest) => void answer(model, request))
  const { name, version, tier, featureService, rowLength, threshold, runtimeFingerprint } = model
  tell({
    kind: 'ready',
    description: { name, version, tier, featureService, rowLength, threshold, runtimeFingerprint },
  })
} catch (error) {
  if (!(error instanceof SpoilerError)) throw error
  const { code, onError, message } = error
  tell({ kind: 'refused', code, onError, message })
}
