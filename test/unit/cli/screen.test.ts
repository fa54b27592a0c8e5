import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { Screen } from '../../../cli/screen.ts'

function terminal(isTTY: boolean) {
  const written: string[] = []
  return { stream: { isTTY, columns: 20, rows: 4, write: (text: string) => written.push(text) }, written }
}

test('without a terminal only the lines that stay are written, free of escapes', () => {
  const { stream, written } = terminal(false)
  {
    using screen = new Screen(stream)
    screen.draw([{ text: 'live', style: 'bold' }])
    screen.print('stays')
  }
  expect(written).toEqual(['stays\n'])
})

test('a frame is one write, goes back over the frame before, and never wraps or scrolls', () => {
  const { stream, written } = terminal(true)
  using screen = new Screen(stream)
  screen.draw([{ text: 'x'.repeat(50) }, { text: 'b' }, { text: 'c' }, { text: 'does not fit' }])
  screen.draw([{ text: 'd' }])
  const [, first = '', second = ''] = written
  const lines = stripVTControlCharacters(first).split('\n')
  expect(lines).toEqual([`${'x'.repeat(18)}…`, 'b', 'c', ''])
  expect(second).toContain('\u001b[3A')
  expect(written).toHaveLength(3)
})

test('the cursor is hidden while it draws and given back when it ends', () => {
  const { stream, written } = terminal(true)
  {
    using screen = new Screen(stream)
    screen.draw([{ text: 'a' }])
  }
  expect(written[0]).toBe('\u001b[?25l')
  expect(written.at(-1)).toBe('\u001b[?25h')
})

test('a line that stays clears the region first, so that nothing of it is left above', () => {
  const { stream, written } = terminal(true)
  using screen = new Screen(stream)
  screen.draw([{ text: 'a' }, { text: 'b' }])
  screen.print('stays')
  expect(written.slice(2)).toEqual(['\u001b[2A\r\u001b[J', 'stays\n'])
})
