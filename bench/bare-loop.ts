// Terms and a bare ONNX Runtime session, in a loop, in a process of its own: the least that scoring a row can take.
// Started by scoring.ts: node bench/bare-loop.ts VERSION_FOLDER ROWS_FILE FROM TO; prints the milliseconds of the loop.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { hashedTerms } from '../features/hashed-terms.ts'
import type { Manifest } from '../inference/manifest.ts'
import type { ScoringInput } from '../inference/model.ts'
import { termValues } from '../inference/term-values.ts'
import { spoilerV1 } from '../schemas/spoiler-v1.ts'

const [folder = '', rowsFile = '', from = '0', to = '0'] = process.argv.slice(2)
const { head, inputs } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest
if (head.kind !== 'onnx-linear') throw new Error(`${folder} is no ONNX head`)
const { buckets, idf: idfFile } = head.terms
const bytes = readFileSync(join(folder, idfFile))
const idf = Float32Array.from({ length: buckets }, (_, bucket) => bytes.readFloatLE(4 * bucket))
const positions = inputs.map((name) => spoilerV1.features.findIndex((feature) => feature.name === name))
const lines = readFileSync(rowsFile, 'utf8').trimEnd().split('\n')
const rows = lines.slice(Number(from), Number(to)).map((line) => JSON.parse(line) as ScoringInput)
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential' } as const
const session = await InferenceSession.create(join(folder, head.model), options)

async function loop(some: readonly ScoringInput[]): Promise<void> {
  for (const { text, values } of some) {
    const terms = termValues(hashedTerms(text, buckets), idf)
    const context = Float32Array.from(positions, (at) => values[at] ?? Number.NaN)
    await session.run({
      token_indices: new Tensor('int64', terms.buckets, [terms.buckets.length]),
      token_values: new Tensor('float32', terms.values, [terms.values.length]),
      context: new Tensor('float32', context, [context.length]),
    })
  }
}

await loop(rows.slice(0, 500))
const startedMs = performance.now()
await loop(rows)
process.stdout.write(`${performance.now() - startedMs}\n`)
