#!/usr/bin/env node
/**
 * Brings what the project needs and the machine lacks; runs before `npm start` and `npm test`.
 * Plain JavaScript without dependencies: it runs before there are any, on any Node from 20 on.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder } from './setup/cache.mjs'
import { bringNode } from './setup/node.mjs'
import { bringPackages, linkNode } from './setup/packages.mjs'
import { checkPrerequisites } from './setup/prerequisites.mjs'
import { OPT_IN_STEPS, readRecord, recordFileOf, STEPS, stepsToDo, writeRecord } from './setup/record.mjs'
import { say, secondsSince, SetupError } from './setup/report.mjs'
import { bringS3Server } from './setup/s3.mjs'
import { bringStack } from './setup/stack.mjs'
import { bringPython } from './setup/trainers.mjs'

const HELP = `Usage: node scripts/setup.mjs [--only STEPS] [--help]

Brings what is missing and verifies it by checksum; nothing is installed globally, nothing needs root.
Steps, all of them by default:
  node      Node 24, where the present one is older
  packages  node_modules, with the native Kafka client (compiled once per machine)
  stack     Kafka, schema registry, Valkey, and a Java runtime where there is none
  s3        versitygw, the S3 server, built with Go, which is fetched where there is none
  trainers  the Python packages that models are fitted with
Only when asked for:
  feast, evidently  the real ones, for npm run test:feast and test:evidently

  --only    some of them, comma separated: --only node,packages

Downloads are kept in SPOILER_SHIELD_CACHE, else XDG_CACHE_HOME/spoiler-shield, else ~/.cache/spoiler-shield.
Linux x64 is tested; macOS is written for and untested.`

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')

/** @returns {{ help: boolean, only: string[] }} */
function parseCommandLine() {
  const { values } = parseArgs({ options: { help: { type: 'boolean' }, only: { type: 'string' } } })
  const only = values.only?.split(',') ?? STEPS
  const known = [...STEPS, ...OPT_IN_STEPS]
  const unknown = only.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new SetupError(`Unknown step: ${unknown.join(', ')}. Steps are ${known.join(', ')}.`)
  return { help: values.help ?? false, only }
}

async function setUp() {
  const startMs = performance.now()
  const { help, only } = parseCommandLine()
  if (help) return void process.stdout.write(`${HELP}\n`)
  const where = {
    root,
    cache: cacheFolder(process.env),
    toolchain: join(root, 'local-stack/toolchain'),
    env: process.env,
  }
  const record = readRecord(recordFileOf(root))
  const todo = stepsToDo(where, record, only)
  if (todo.length === 0) return
  await checkPrerequisites(where, todo)
  const bringNodeAndPackages = async () => {
    const node = todo.includes('node') ? await bringNode(where) : record.node
    return { node, packages: todo.includes('packages') ? await bringPackages(where, node) : record.packages }
  }
  const bring = async (name, work) => (todo.includes(name) ? await work(where) : record[name])
  const [{ node, packages }, stack, s3, trainers, feast, evidently] = await Promise.all([
    bringNodeAndPackages(),
    bring('stack', bringStack),
    bring('s3', bringS3Server),
    ...['trainers', ...OPT_IN_STEPS].map((name) => bring(name, bringPython(name))),
  ])
  if (node !== undefined) linkNode(root, node)
  const all = { node, packages, stack, s3, trainers, feast, evidently }
  writeRecord(where, record, Object.fromEntries(todo.map((name) => [name, all[name]])))
  say(`everything is there, ${secondsSince(startMs)}`)
}

try {
  await setUp()
} catch (error) {
  const expected = error instanceof SetupError || error?.code?.startsWith('ERR_PARSE_ARGS')
  process.stderr.write(`\nSPL_SETUP_FAILED: ${expected ? error.message : error.stack}\n`)
  process.exit(1) // now: the other step's programs end with us
}
