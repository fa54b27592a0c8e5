/** Text that is HTML already. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Content = Markup | string | number | readonly Content[]

/** HTML of a template: whatever is put in is escaped, other markup aside. Lists are joined. */
export function markup(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(parts.map((part, i) => (i === 0 ? part : `${textOf(contents[i - 1] ?? '')}${part}`)).join(''))
}

function textOf(content: Content): string {
  if (content instanceof Markup) return content.text
  if (typeof content === 'object') return content.map(textOf).join('')
  return String(content).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
