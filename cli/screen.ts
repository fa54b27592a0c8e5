import { styleText } from 'node:util'
import type { TextStream } from './context.ts'
import { clip } from './text.ts'

/** A line of the live region; the style is put on after the line was cut to the terminal's width. */
export interface StyledLine {
  readonly text: string
  readonly style?: 'bold' | 'dim' | 'red' | 'yellow'
}

const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
// a terminal that knows it shows a frame at once; others leave it out
const BEGIN_FRAME = '\u001b[?2026h'
const END_FRAME = '\u001b[?2026l'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

/**
 * Lines that stay, and below them a region that is redrawn in place. Without a terminal only the lines are written.
 * Closing it, or the end of the process, gives the cursor back.
 */
export class Screen implements Disposable {
  readonly #stream: TextStream
  #drawn = 0
  readonly #restore = (): void => {
    this[Symbol.dispose]()
  }

  constructor(stream: TextStream) {
    this.#stream = stream
    if (!this.interactive) return
    stream.write(HIDE_CURSOR)
    process.once('exit', this.#restore)
  }

  get interactive(): boolean {
    return this.#stream.isTTY === true
  }

  get columns(): number {
    return this.#stream.columns ?? 80
  }

  get rows(): number {
    return this.#stream.rows ?? 24
  }

  /** Replaces the region. What does not fit on the terminal is left out. */
  draw(lines: readonly StyledLine[]): void {
    if (!this.interactive) return
    const shown = lines.slice(0, this.rows - 1)
    const body = shown.map((line) => `${this.#styled(line)}${CLEAR_LINE}\n`).join('')
    this.#stream.write(`${BEGIN_FRAME}${this.#toTop()}${body}${CLEAR_BELOW}${END_FRAME}`)
    this.#drawn = shown.length
  }

  /** Writes a line that stays; the region moves below it. */
  print(line: string): void {
    if (this.#drawn > 0) this.#stream.write(`${this.#toTop()}${CLEAR_BELOW}`)
    this.#drawn = 0
    this.#stream.write(`${line}\n`)
  }

  [Symbol.dispose](): void {
    if (!this.interactive) return
    process.off('exit', this.#restore)
    this.#stream.write(SHOW_CURSOR)
  }

  #toTop(): string {
    return this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A\r`
  }

  #styled({ text, style }: StyledLine): string {
    const cut = clip(text, this.columns - 1)
    return style === undefined ? cut : styleText(style, cut, { validateStream: false })
  }
}
