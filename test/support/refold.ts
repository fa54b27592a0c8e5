// Folds and scores the recorded logs of a running system again with the code of this tree, and prints what differs, as
// JSON. First argument: the environment, as JSON; then the fields that are left out of the comparison.
import process from 'node:process'
import { loadModelVersion, PRIOR_FOLDER } from '../../inference/model-version.ts'
import { loadConfig } from '../../platform/config.ts'
import { openCodec, topicSubjects } from '../../platform/open-codec.ts'
import { scoreRows } from '../../inference/score-row.ts'
import { checkPipeline, type Recorded } from './oracle/pipeline-oracle.ts'
import { recordPipeline } from './oracle/record-pipeline.ts'
import { committedRecords } from './pipeline.ts'

const [env = '{}', ...fields] = process.argv.slice(2)
const leftOut = new Set(fields)
const config = loadConfig(JSON.parse(env) as NodeJS.ProcessEnv)
const { codec } = await openCodec(config, topicSubjects())
const recorded = await recordPipeline({ config, codec, records: (topic) => committedRecords(config, codec, topic) })
const compared = without(recorded) as Recorded
await using prior = await loadModelVersion(PRIOR_FOLDER)
const serving = { model: prior, deploymentEpoch: 0 }
const violations = await checkPipeline(compared, async (rows) => {
  const results = await scoreRows(rows, [serving])
  return results.flatMap((result) => (result.kind === 'score' ? [result.score] : []))
})
process.stdout.write(JSON.stringify({ reviews: recorded.reviewFeatures.length, violations }))

function without(value: unknown): unknown {
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, without(inner)]))
  if (Array.isArray(value)) return value.map(without)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, leftOut.has(name) ? null : without(inner)]),
  )
}
