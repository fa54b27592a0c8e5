import { dirname, join, normalize } from 'node:path'
import { lastOf, type Stage } from './dockerfile.ts'

/** An exact version, and if wanted a digest behind it. */
export const EXACT_IMAGE = /^[\w./-]+:v?\d+(\.\d+)+(-[\w.]+)*(@sha256:[0-9a-f]{64})?$/
const RELATIVE_IMPORT = /(?:\bfrom|\bimport)[\s(]*'(\.{1,2}\/[^']+)'/g

/** What is wrong with a Dockerfile: images without a version, and targets that run as root or do not say how they are. */
export function imageFindings(stages: readonly Stage[], targets: readonly string[]): string[] {
  const names = stages.map(({ name }) => name)
  const images = stages.map(({ base }) => base).filter((base) => !names.includes(base))
  return [
    ...images.filter((image) => !EXACT_IMAGE.test(image)).map((image) => `${image} has no exact version`),
    ...targets.flatMap((target) => targetFindings(stages, target)),
  ]
}

function targetFindings(stages: readonly Stage[], target: string): string[] {
  const stage = stages.find(({ name }) => name === target)
  if (stage === undefined) return [`${target}: no such stage`]
  const user = lastOf(stages, stage, 'USER') ?? 'root'
  const isRoot = !/^[1-9]\d*(:|$)/.test(user)
  return [
    ...(isRoot ? [`${target} runs as ${user}, not as a numbered user`] : []),
    ...(lastOf(stages, stage, 'HEALTHCHECK') === undefined ? [`${target} has no health check`] : []),
  ]
}

/** Modules that one of the files imports and that are not among the files. @param read source of a file */
export function missingImports(files: readonly string[], read: (file: string) => string): string[] {
  const sent = new Set(files)
  const isModule = (file: string): boolean => /\.(ts|mjs|js)$/.test(file)
  return files.filter(isModule).flatMap((file) =>
    Array.from(read(file).matchAll(RELATIVE_IMPORT), ([, target = '']) => normalize(join(dirname(file), target)))
      .filter((target) => isModule(target) && !sent.has(target))
      .map((target) => `${file} imports ${target}, which is not sent to the engine`),
  )
}
