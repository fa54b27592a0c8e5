import { Command } from 'commander'
import { addProduce } from './commands/produce.ts'
import { addStart } from './commands/start.ts'
import type { CliContext } from './context.ts'

/** The command `shield`. */
export function shieldProgram(context: CliContext): Command {
  const program = new Command('shield')
    .description('Spoiler Shield finds spoilers in movie reviews as they stream through Apache Kafka')
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => {
        write(`SPL_USAGE: ${text.replace(/^error: /, '')}`)
      },
    })
    .exitOverride()
    .showHelpAfterError('See --help for what there is.')
    .helpCommand('help [command]', 'Show the help of a command')
  addStart(program, context)
  addProduce(program, context)
  return program
}
