/** What is known of an English word, as flags: one look-up a word gives all of them. Own selection, lower case. */
export const STOP = 1
/** Tells what happens: death, betrayal, disclosure, endings. */
export const CUE = 2
export const PRAISE = 4
export const BLAME = 8
/** Turns the meaning of the next words. */
export const NEGATOR = 16
/** "Spoiler", by which a text announces itself. */
export const SPOILER = 32
/** May be the first word of a cue of two words. */
export const PAIR = 64
/** "Free", as in "spoiler-free". */
export const FREE = 128

const STOP_WORDS = `a about above after again against all also although am among an and another any anyone anything are
aren't around as at away back be because became become been before being below between both but by came can can't cannot
come could couldn't did didn't do does doesn't doing don't done down during each else enough even ever every everyone
everything few film films for from further get gets getting give given gives go goes going gone got had hadn't has hasn't
have haven't having he he's her here here's hers herself him himself his how how's however i i'd i'll i'm i've if in into
is isn't it it's its itself just know like little made make makes making many may maybe me might more most movie movies
much must my myself never no nor not nothing now of off often oh ok on once one only or other others our ours out over own
people quite rather really said same say says scene scenes see seen seems she she's should shouldn't show shows since so
some someone something still story such take takes than that that's the their them themselves then there there's these
they they're thing things think this those though through time to too took two under until up upon us use used very want
was wasn't watch watched watching way we we're we've well went were weren't what what's when where where's which while who
who's whole whom why will with within without won't would wouldn't year years yes yet you you'd you'll you're you've your`

const CUES = `dies died dying dead death deaths kill kills killed killing killer murder murders murdered murderer suicide
shot shoots stabbed stabs poisoned drowns drowned hanged executed sacrifices sacrificed survives survived escapes escaped
betrays betrayed betrayal traitor reveals revealed reveal revelation twist twists ending endings ended climax finale
epilogue discovers discovered realizes realises learns confesses confessed pregnant marries married divorced resurrected
imposter impostor culprit ghost alive imprisoned arrested kidnapped rescued reunited reunite avenges avenge revenge
transforms explodes destroyed defeats defeated identity flashback`

const CUE_PAIRS = [
  'turns out',
  'turned out',
  'finds out',
  'found out',
  'last scene',
  'final scene',
  'last shot',
  'final shot',
  'final act',
  'last minutes',
  'final minutes',
  'ends with',
  'ends up',
  'ended up',
  'all along',
  'plot twist',
  'gets killed',
  'comes back',
  'secretly a',
  'real father',
  'in disguise',
]

const PRAISES = `good great best better excellent amazing awesome wonderful fantastic brilliant superb outstanding perfect
perfectly beautiful beautifully masterpiece masterful classic love loved loves enjoy enjoyed enjoyable fun funny hilarious
fine nice impressive incredible moving touching powerful gripping compelling memorable recommend recommended favorite
favourite stunning charming clever smart fresh thrilling delightful exciting strong solid terrific magnificent
unforgettable inspiring heartwarming talented flawless superior refreshing captivating`

const BLAMES = `bad worse worst awful terrible horrible boring bored dull poor poorly weak waste wasted stupid silly
ridiculous lame disappointing disappointed disappointment mess annoying annoyed predictable cliche cliched slow unfunny
pointless pathetic garbage trash crap hate hated hates fails failed failure overrated forgettable bland tedious cheap
laughable unwatchable painful cheesy shallow flat confusing confused mediocre nonsense worthless dreadful lousy
unconvincing uninteresting contrived`

const NEGATORS = `no not never none without nothing neither nor non cannot can't don't doesn't didn't isn't wasn't aren't
weren't won't wouldn't couldn't shouldn't hasn't haven't hadn't hardly avoid avoiding`

const LISTS: readonly (readonly [flag: number, words: string])[] = [
  [STOP, STOP_WORDS],
  [CUE, CUES],
  [PRAISE, PRAISES],
  [BLAME, BLAMES],
  [NEGATOR, NEGATORS],
  [SPOILER, 'spoiler spoilers'],
  [FREE, 'free'],
]

/** Typographic apostrophes are another spelling of the same words. */
const FLAGS: ReadonlyMap<string, number> = flagsOf([
  ...LISTS,
  [PAIR, CUE_PAIRS.map((pair) => pair.slice(0, pair.indexOf(' '))).join(' ')],
])
const PAIRS: ReadonlySet<string> = new Set(CUE_PAIRS)

function flagsOf(lists: typeof LISTS): Map<string, number> {
  const flags = new Map<string, number>()
  for (const [flag, words] of lists) {
    for (const word of words.split(/\s+/)) {
      for (const spelling of [word, word.replace("'", '’')]) flags.set(spelling, (flags.get(spelling) ?? 0) | flag)
    }
  }
  return flags
}

/** Flags of a lower-case word; 0 for an unknown one. */
export function flagsOfWord(word: string): number {
  return FLAGS.get(word) ?? 0
}

/** Whether two lower-case words after one another are a cue. Ask only when the first has the flag PAIR. */
export function isCuePair(first: string, second: string): boolean {
  return PAIRS.has(`${first} ${second}`)
}
