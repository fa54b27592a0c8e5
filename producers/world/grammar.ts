import type { SeededRandom } from '../../stats/random.ts'

/** Alternatives of each symbol. `{symbol}` expands, `{@slot}` takes a value of the film at hand. */
export type GrammarRules = Readonly<Record<string, readonly string[]>>
export type Slots = Readonly<Record<string, string>>

type Part = string | { readonly rule: Rule } | { readonly slot: string }
interface Rule {
  readonly alternatives: (readonly Part[])[]
}

/** Context-free grammar with random choice; compiled once, so that a sentence costs about a microsecond. */
export class Grammar {
  private readonly rules = new Map<string, Rule>()

  /** @throws RangeError if a phrase names a symbol that does not exist, or a symbol has no alternative. */
  constructor(...parts: readonly GrammarRules[]) {
    const phrases = parts.flatMap((rules) => Object.entries(rules))
    for (const [symbol] of phrases) {
      if (this.rules.has(symbol)) throw new RangeError(`grammar: ${symbol} is declared twice`)
      this.rules.set(symbol, { alternatives: [] })
    }
    for (const [symbol, alternatives] of phrases) {
      if (alternatives.length === 0) throw new RangeError(`grammar: ${symbol} has no alternative`)
      this.rule(symbol).alternatives.push(...alternatives.map((phrase) => this.compile(phrase)))
    }
  }

  /** One random expansion. @throws RangeError if the symbol does not exist or a slot has no value. */
  expand(symbol: string, random: SeededRandom, slots: Slots): string {
    return expandRule(this.rule(symbol), random, slots)
  }

  /** The same as a sentence: its first letter is a capital. */
  sentence(symbol: string, random: SeededRandom, slots: Slots): string {
    const text = this.expand(symbol, random, slots)
    return text.charAt(0).toUpperCase() + text.slice(1)
  }

  private rule(symbol: string): Rule {
    const rule = this.rules.get(symbol)
    if (!rule) throw new RangeError(`grammar: there is no ${symbol}`)
    return rule
  }

  private compile(phrase: string): Part[] {
    return phrase
      .split(/(\{@?\w+\})/)
      .filter((piece) => piece !== '')
      .map((piece) => {
        if (piece.startsWith('{@')) return { slot: piece.slice(2, -1) }
        return piece.startsWith('{') ? { rule: this.rule(piece.slice(1, -1)) } : piece
      })
  }
}

function expandRule(rule: Rule, random: SeededRandom, slots: Slots): string {
  let text = ''
  for (const part of random.choice(rule.alternatives)) {
    if (typeof part === 'string') text += part
    else if ('rule' in part) text += expandRule(part.rule, random, slots)
    else text += slotValue(slots, part.slot)
  }
  return text
}

function slotValue(slots: Slots, slot: string): string {
  const value = slots[slot]
  if (value === undefined) throw new RangeError(`grammar: the slot ${slot} has no value`)
  return value
}
