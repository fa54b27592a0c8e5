#!/usr/bin/env node
/** Brings the Python packages of docs/examples and prints the folder that holds them: a value for PYTHONPATH. */
import { join } from 'node:path'
import { cacheFolder } from './setup/cache.mjs'
import { SetupError } from './setup/report.mjs'
import { pythonFolder } from './setup/stack.mjs'

const root = join(import.meta.dirname, '..')

try {
  const folder = await pythonFolder({
    cache: cacheFolder(process.env),
    toolchain: join(root, 'local-stack/toolchain'),
    name: 'examples',
    label: 'Python packages of the examples',
    lock: join(root, 'docs/examples/requirements.txt'),
  })
  process.stdout.write(`${folder}\n`)
} catch (error) {
  process.stderr.write(`SPL_SETUP_FAILED: ${error instanceof SetupError ? error.message : error.stack}\n`)
  process.exitCode = 1
}
