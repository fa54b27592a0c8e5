import { once } from 'node:events'
import { join } from 'node:path'
import { loadConfig, STACK_ENV_FILE, type Config } from '../platform/config.ts'
import { shownAddresses, startStack } from './stack.ts'

/** Runs the stack alone, in the foreground: `node local-stack/main.ts`; Ctrl-C stops it in order. */
async function runStack({ STATE_DIR }: Config): Promise<void> {
  const say = (line: string): boolean => process.stdout.write(`${line}\n`)
  process.stdout.on('error', () => undefined) // who read our lines may go; the stack stays
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await using stack = await startStack({
    dataDir: join(STATE_DIR, 'stack'),
    envFile: join(STATE_DIR, STACK_ENV_FILE),
    onProgress: ({ part, state, detail = '' }) => void say(`${part} ${state} ${detail}`.trimEnd()),
  })
  for (const { name, value } of shownAddresses(stack.env)) say(`${name}=${value}`)
  await stopped
}

await runStack(loadConfig(process.env))
