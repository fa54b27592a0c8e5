import type { Command } from 'commander'
import { askComponent, type ComponentReport } from '../component-metrics.ts'
import { type CliContext, printJson } from '../context.ts'
import { askDependencies, type DependencyReport } from '../dependencies.ts'
import { readRunningComponents } from '../running-components.ts'
import { grouped, oneLine, table } from '../text.ts'
import type { ComponentStatus } from '../../platform/supervisor.ts'

const HELP = `
Works from any terminal while \`shield start\` runs with the same state folder. Ends with exit code 1 when something is
not ready.

Examples:
  shield status
  shield status --json`

type ReportedComponent = ComponentStatus & ComponentReport

interface StatusReport {
  /** Whether everything is reachable and ready. */
  readonly ready: boolean
  readonly dependencies: readonly DependencyReport[]
  /** Null when no \`shield start\` runs in this state folder. */
  readonly components: readonly ReportedComponent[] | null
}

export function addStatus(program: Command, context: CliContext): void {
  program
    .command('status')
    .description('Say what is reachable, and of each component whether it is ready and how far behind')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action(async ({ json }: { readonly json?: boolean }) => {
      const report = await askAll(context)
      if (json === true) printJson(context, report)
      else context.stdout.write(statusText(report, context.config().STATE_DIR))
      if (!report.ready) context.exitWith(1)
    })
}

async function askAll(context: CliContext): Promise<StatusReport> {
  const config = context.config()
  const running = readRunningComponents(config.STATE_DIR)
  const [dependencies, components] = await Promise.all([
    askDependencies(config),
    running === undefined ? null : Promise.all(running.map(reportOf)),
  ])
  const ready =
    dependencies.every(({ reachable }) => reachable) &&
    components !== null &&
    components.every((component) => component.ready)
  return { ready, dependencies, components }
}

/** The world serves no status of its own: it is as its supervisor sees it, and may have come to its end. */
async function reportOf(component: ComponentStatus): Promise<ReportedComponent> {
  if (component.name !== 'world') return { ...component, ...(await askComponent(component.url)) }
  return { ...component, ready: ['running', 'finished'].includes(component.state), unready: {}, tasks: [] }
}

/** What a person reads. */
export function statusText({ dependencies, components }: StatusReport, stateDir: string): string {
  const outside = dependencies.map(({ name, address, reachable, problem }) => [
    name,
    reachable ? 'reachable' : `not reachable: ${oneLine(problem ?? '')}`,
    address,
  ])
  const head = table(['SYSTEM', 'STATE', 'ADDRESS'], outside)
  if (components === null)
    return `${head}\nNo components run in ${stateDir}. Start them with \`npm start\` or \`npx shield start\`.\n`
  const rows = components.map((component) => {
    const { name, restarts, pid, url } = component
    return [name, stateText(component), String(restarts), String(pid ?? '–'), url ?? '–']
  })
  const tasks = components.flatMap((component) => component.tasks.map((task) => [component.name, task] as const))
  const taskRows = tasks.map(([name, task]) => [
    `${name}/${task.task}`,
    task.secondsBehind.toFixed(1),
    ...[task.recordsIn, task.recordsOut, task.transactions, task.aborted, task.deadLetters].map(grouped),
  ])
  const taskHeader = ['TASK', 'SECONDS BEHIND', 'IN', 'OUT', 'TRANSACTIONS', 'ABORTED', 'DEAD LETTERS']
  return [
    head,
    table(['COMPONENT', 'STATE', 'RESTARTS', 'PID', 'ADDRESS'], rows),
    ...(taskRows.length > 0 ? [table(taskHeader, taskRows)] : []),
  ].join('\n')
}

function stateText({ state, ready, unready, lastFailure }: ReportedComponent): string {
  if (state !== 'running')
    return lastFailure === undefined || state === 'finished' ? state : `${state}: ${oneLine(lastFailure)}`
  if (ready) return 'ready'
  return `not ready: ${Object.entries(unready)
    .map(([task, reason]) => `${task}: ${oneLine(reason)}`)
    .join('; ')}`
}
