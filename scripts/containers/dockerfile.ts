export interface Instruction {
  /** In capitals, such as `COPY`. */
  readonly name: string
  readonly text: string
}
export interface Stage {
  readonly name: string
  /** An image, or the name of an earlier stage. */
  readonly base: string
  readonly instructions: readonly Instruction[]
}
export interface Copy {
  /** Stage that is copied from; undefined for the build context. */
  readonly from: string | undefined
  readonly sources: readonly string[]
  readonly target: string
}

/** The stages of a Dockerfile in order. Understands what ours is written in: no heredocs, no JSON form of COPY. */
export function parseDockerfile(dockerfile: string): Stage[] {
  const lines = dockerfile.split('\n').filter((line) => !line.startsWith('#'))
  const joined = lines.join('\n').replaceAll(/\\\n\s*/g, '')
  const stages: (Stage & { instructions: Instruction[] })[] = []
  for (const line of joined.split('\n').filter((text) => text.trim() !== '')) {
    const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (name === '') throw new SyntaxError(`not understood: ${line}`)
    if (name === 'FROM') {
      const [, base = '', stage] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(text) ?? []
      stages.push({ name: stage ?? String(stages.length), base, instructions: [] })
    } else stages.at(-1)?.instructions.push({ name, text })
  }
  return stages
}

export function parseCopy(text: string): Copy {
  const words = text.split(/\s+/)
  const flags = words.filter((word) => word.startsWith('--'))
  const paths = words.filter((word) => !word.startsWith('--')).map((path) => path.replace(/\/$/, ''))
  const from = flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length)
  return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' }
}

/** The newest instruction of a name in a stage or in those that it is built on. */
export function lastOf(stages: readonly Stage[], stage: Stage, name: string): string | undefined {
  const own = stage.instructions.findLast((instruction) => instruction.name === name)
  if (own !== undefined) return own.text
  const base = stages.find((other) => other.name === stage.base)
  return base === undefined ? undefined : lastOf(stages, base, name)
}
