// Step of the Dockerfile: takes out of node_modules what only other systems and the compiler need, 500 MB.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { restoreAddon } from '../../scripts/setup/packages.mjs'
import { readRecord, recordFileOf } from '../../scripts/setup/record.mjs'

const root = join(import.meta.dirname, '../..')
const packages = join(root, 'node_modules')

/** The compiled client stays; its sources, objects and static libraries go. */
function trimKafkaClient() {
  const { addon } = readRecord(recordFileOf(root)).packages
  const folder = join(packages, '@confluentinc/kafka-javascript')
  for (const part of ['build', 'deps']) rmSync(join(folder, part), { recursive: true })
  if (!restoreAddon(addon, join(folder, 'build'))) throw new Error(`no compiled Kafka client in ${addon}`)
}

/** @param {string} parent @param {string} own the only entry that stays */
function keepOnly(parent, own) {
  if (!existsSync(join(parent, own))) throw new Error(`no ONNX Runtime for ${own} in ${parent}`)
  for (const name of readdirSync(parent)) if (name !== own) rmSync(join(parent, name), { recursive: true })
}

/** ONNX Runtime comes for every system at once. */
function trimOnnxRuntime() {
  const folder = join(packages, 'onnxruntime-node/bin')
  for (const api of readdirSync(folder).map((name) => join(folder, name))) {
    keepOnly(api, process.platform)
    keepOnly(join(api, process.platform), process.arch)
  }
}

trimKafkaClient()
trimOnnxRuntime()
