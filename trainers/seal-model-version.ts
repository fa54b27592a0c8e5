/**
 * Turns the output of a fit into a model version folder that can serve.
 *
 *   node trainers/seal-model-version.ts FOLDER DRAFT.json
 */
import { readFileSync } from 'node:fs'
import { sealModelVersion } from '../inference/seal-model-version.ts'

const [folder, draftFile] = process.argv.slice(2)
if (folder === undefined || draftFile === undefined)
  throw new Error('usage: node trainers/seal-model-version.ts FOLDER DRAFT.json')
const { name, version } = await sealModelVersion(folder, JSON.parse(readFileSync(draftFile, 'utf8')))
process.stdout.write(`sealed ${name} ${version} in ${folder}\n`)
