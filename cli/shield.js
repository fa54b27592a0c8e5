#!/usr/bin/env node
// Plain JavaScript for any Node from 20 on: goes on under the Node that set-up brought, which runs TypeScript.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const record = join(root, 'node_modules/.spoiler-shield/setup.json')

/** @returns {{ path: string, version: string } | undefined} */
function broughtNode() {
  if (!existsSync(record)) return undefined
  const { node } = JSON.parse(readFileSync(record, 'utf8'))
  return node !== undefined && existsSync(node.path) ? node : undefined
}

/** @param {string} node */
function goOnUnder(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal's Ctrl-C reaches the child twice, from anybody else's once; main.ts takes both as one.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const passOn = (signal) => void child.kill(signal)
  for (const signal of signals) process.on(signal, passOn)
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    for (const name of signals) process.off(name, passOn)
    process.kill(process.pid, signal) // end as it ended
  })
}

const node = broughtNode()
const isOld = Number(process.versions.node.split('.')[0]) < 24
if (node !== undefined && node.version !== process.versions.node) goOnUnder(node.path)
else if (!isOld && existsSync(join(root, 'node_modules'))) await import('./main.ts')
else {
  process.stderr.write(`SPL_SETUP_FAILED: set-up has not run.\nRun: node ${join(root, 'scripts/setup.mjs')}\n`)
  process.exit(1)
}
