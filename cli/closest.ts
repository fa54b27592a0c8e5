/** The candidate that needs the fewest edits, unless all are far off. */
export function closestTo(text: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((name) => ({ name, edits: editsBetween(text, name) }))
  const [best] = ranked.sort((a, b) => a.edits - b.edits)
  return best !== undefined && best.edits <= Math.max(2, text.length * 0.4) ? best.name : undefined
}

/** Levenshtein distance. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
