import type { Command } from 'commander'
import { describeConfig } from '../../platform/config.ts'
import { type CliContext, printJson } from '../context.ts'
import { table } from '../text.ts'

const HELP = `
Every setting is an environment variable. Addresses that are not set are those of the local stack, as it left them in
stack.env in the state folder.

Examples:
  shield config
  KAFKA_BROKERS=broker.example:9092 shield config --json`

export function addConfig(program: Command, context: CliContext): void {
  program
    .command('config')
    .description('Print every setting with its value and meaning; secrets are masked')
    .option('--json', 'print one line of JSON: a list of name, value and description')
    .addHelpText('after', HELP)
    .action(({ json }: { readonly json?: boolean }) => {
      const settings = describeConfig(context.config())
      if (json === true) printJson(context, settings)
      else {
        const rows = settings.map(({ name, value, description }) => [name, value, description])
        context.stdout.write(table(['SETTING', 'VALUE', 'MEANING'], rows))
      }
    })
}
