import type { GrammarRules } from './grammar.ts'

export const FIRST_NAMES =
  'Ada Adrian Agnes Alma Amir Anselm Astrid Basil Beatriz Bram Cairo Camille Caspian Cedric Clara Cosmo Dalia Dario Delia Desmond Dora Edda Edgar Elio Elsbeth Emeka Enid Esra Ewan Farah Felix Fern Fiona Florian Freya Gemma Gideon Greta Gunnar Hana Harlan Hedda Hugo Ida Imre Ines Ingrid Isak Ivo Jasmin Jonah Juno Kasimir Keziah Lamar Leda Leif Lionel Livia Lorcan Lotte Luz Magnus Maia Marek Matilda Milo Mina Mirko Nadia Nell Nestor Niko Noor Odette Olin Orla Oskar Otis Paloma Percy Petra Quentin Rafe Ramona Reza Rhea Roland Rosalind Rufus Sabine Salome Selma Silas Simone Soren Stella Tamsin Tariq Thea Tobias Ulla Una Ursula Vadim Vera Viggo Wanda Wendell Xenia Yara Yusuf Zelda Zora'.split(
    ' ',
  )

export const LAST_NAMES =
  'Abara Aldous Amsel Ashdown Balogh Barrow Beckford Belmonte Birch Blackwood Bonnet Brandt Calder Carmody Castellan Chandra Corvin Crane Dacosta Dahl Darrow Delacroix Draper Dunmore Eklund Ellery Engel Falk Farrow Fenwick Fontaine Frost Gallow Garland Ghosh Grimm Hallam Harrow Hartmann Havel Holloway Ibarra Ilves Jansen Jarvis Kade Kessler Kimura Kovacs Lark Lindqvist Lockhart Lovell Maddox Malik Marlowe Mercer Montague Moreau Nakata Nash Nightingale Novak Okafor Oduya Orlov Osborne Paxton Pereira Pike Quill Radley Ravel Redfern Rhodes Rosen Rourke Salter Sandoval Sayer Sharpe Sorensen Stark Sterling Sutter Szabo Tanaka Thorne Tremaine Underhill Valdez Vance Varga Vesely Voss Wexler Whitlock Winslow Wolfe Yarrow Zeller'.split(
    ' ',
  )

export const GENRES = [
  'Drama',
  'Thriller',
  'Crime',
  'Romance',
  'Comedy',
  'Horror',
  'Sci-Fi',
  'Adventure',
  'Mystery',
  'Action',
] as const

/** Titles, places, things and trades of films. */
export const NAME_RULES: GrammarRules = {
  title: [
    'The {titleAdjective} {titleNoun}',
    'The {titleNoun} of {placeName}',
    '{titleNoun}s in {titleTime}',
    'A {titleNoun} for {firstName}',
    '{placeName}',
    'The Last {titleNoun}',
    '{titleAdjective} {titleNoun}s',
    'After {placeName}',
    'Before the {titleNoun}',
    '{firstName} and the {titleNoun}',
  ],
  titleAdjective:
    'Silent,Broken,Hollow,Crimson,Burning,Quiet,Lost,Paper,Frozen,Hidden,Golden,Distant,Second,Patient,Borrowed,Restless'.split(
      ',',
    ),
  titleNoun:
    'Harbour,Witness,Orchard,Signal,Letter,Garden,Stranger,Lantern,Station,Promise,River,Machine,Winter,Shadow,Crossing,Inheritance,Mirror,Tide'.split(
      ',',
    ),
  titleTime: ['Winter', 'the Dark', 'Autumn', 'the Morning', 'August', 'the Rain'],
  firstName: FIRST_NAMES,
  lastName: LAST_NAMES,
  placeName: [
    '{placeStart}{placeEnd}',
    '{placeStart}{placeEnd}',
    'Port {lastName}',
    'Saint {firstName}',
    '{lastName} Bay',
  ],
  placeStart:
    'Ash,Bram,Cold,Dun,Elder,Fal,Glen,Hart,Iron,Kings,Lang,Marl,Nor,Oak,Pen,Raven,Stone,Thorn,Wester,Winter'.split(','),
  placeEnd: 'field,ford,ham,mere,wick,haven,burgh,ridge,ton,moor,dale,gate'.split(','),
  job: 'a retired detective,an archivist,a night nurse,a young lawyer,a failed musician,a ship engineer,a widowed teacher,a small-time thief,an undercover agent,a war correspondent,a lighthouse keeper,a chess prodigy,a truck driver,an exiled scientist,a country doctor,a radio operator,a court translator,a burnt-out chef'.split(
    ',',
  ),
  thing:
    'the ledger,the amulet,the black box,the painting,the formula,the tape,the diary,the serum,the map,the ring,the stolen file,the prototype'.split(
      ',',
    ),
  organisation:
    'the Meridian Trust,the Harbour Board,the Order of the Heron,the Castellan Group,the Seventh Bureau,the Orpheus Institute,the Vesper Company,the Lantern Society'.split(
      ',',
    ),
}
