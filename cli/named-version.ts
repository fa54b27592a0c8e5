import { usageError } from '../producers/arguments.ts'

/** A version, by name and content. */
export interface NamedVersion {
  readonly name: string
  readonly version: string
}

/** `name@version`. @throws SpoilerError SPL_USAGE */
export function parseVersion(text: string): NamedVersion {
  const [, name, version] = /^([a-z][a-z0-9-]*)@([0-9a-f]{16})$/.exec(text) ?? []
  if (name !== undefined && version !== undefined) return { name, version }
  throw usageError(`"${text}" is no version; write for example baseline@0123456789abcdef, see: shield models ls`)
}
