import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { Screen } from '../screen.ts'
import { shownAddresses } from '../../local-stack/stack.ts'
import { openLocalStack, type StackArguments, withStackOptions } from '../stack-options.ts'
import { Steps } from '../steps.ts'

const HELP = `
Stays in the foreground; Ctrl-C stops it in order. Its addresses stand in stack.env in the state folder, where every
other command finds them.

Examples:
  shield stack
  shield stack --port kafka=29092 --port redis=26379`

export function addStack(program: Command, context: CliContext): void {
  const command = program
    .command('stack')
    .description('Run only the local stack: Kafka, schema registry, Valkey and S3')
  withStackOptions(command)
    .addHelpText('after', HELP)
    .action((options: StackArguments) => runStack(options, context))
}

async function runStack(options: StackArguments, context: CliContext): Promise<void> {
  const { signal } = context
  using screen = new Screen(context.stdout)
  using steps = new Steps(screen)
  const stack = await openLocalStack(context, options, steps)
  for (const { name, value } of shownAddresses(stack.env)) steps.say(`  ${name}=${value}`)
  if (!signal.aborted) await new Promise((ended) => signal.addEventListener('abort', ended, { once: true }))
  await steps.run('local stack stopped', async () => stack[Symbol.asyncDispose]())
}
