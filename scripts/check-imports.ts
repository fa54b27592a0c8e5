// Checks who imports whom against .dependency-cruiser.cjs, and that no module escaped the check.
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import extractDepcruiseConfig from 'dependency-cruiser/config-utl/extract-depcruise-config'

const ROOT = join(import.meta.dirname, '..')
const NOT_OURS = ['node_modules', '.local', 'coverage', '.git']

export interface Violation {
  readonly rule: string
  readonly from: string
  readonly to: string
  readonly comment: string
}

export interface ImportReport {
  readonly violations: readonly Violation[]
  /** Modules that the rules were applied to, relative to the tree. */
  readonly modules: readonly string[]
  /** Modules on disk that they were not applied to: the check is blind there. */
  readonly unseen: readonly string[]
}

/** Applies the import rules of the project to all modules below `root`. */
export async function checkImports(root: string): Promise<ImportReport> {
  const { forbidden = [], options = {} } = await extractDepcruiseConfig(join(ROOT, '.dependency-cruiser.cjs'))
  const onDisk = modulesBelow(root)
  const { output } = await cruise(onDisk, { ...options, baseDir: root, validate: true, ruleSet: { forbidden } })
  const { modules, summary } = output as ICruiseResult
  const comments = new Map(forbidden.map(({ name, comment }) => [name, comment ?? '']))
  const seen = new Set(modules.map(({ source }) => source))
  return {
    violations: summary.violations.map(({ rule, from, to }) => {
      return { rule: rule.name, from, to, comment: comments.get(rule.name) ?? '' }
    }),
    modules: onDisk.filter((module) => seen.has(module)),
    unseen: onDisk.filter((module) => !seen.has(module)),
  }
}

/** Names of all rules of the project. */
export async function importRules(): Promise<string[]> {
  const { forbidden = [] } = await extractDepcruiseConfig(join(ROOT, '.dependency-cruiser.cjs'))
  return forbidden.map(({ name }) => name ?? '')
}

function modulesBelow(root: string): string[] {
  const exclude = (name: string): boolean => NOT_OURS.includes(name)
  return globSync('**/*.{ts,mjs,js}', { cwd: root, exclude }).sort()
}

if (import.meta.main) {
  const { violations, modules, unseen } = await checkImports(ROOT)
  for (const { rule, from, to, comment } of violations)
    process.stdout.write(`${from} imports ${to}\n  ${rule}: ${comment}\n`)
  for (const module of unseen) process.stdout.write(`${module} was not looked at\n`)
  process.stdout.write(`${modules.length} modules, ${violations.length} forbidden imports\n`)
  if (violations.length + unseen.length > 0 || modules.length === 0) process.exitCode = 1
}
