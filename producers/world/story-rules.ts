import type { GrammarRules } from './grammar.ts'

/** What the public knows before it sees the film: told in summaries, and in reviews that spoil nothing. */
export const SETUP_RULES: GrammarRules = {
  setupPerson: [
    '{@hero} is {@job} in {@place} whose quiet life ends when {@villain} comes to town',
    '{@hero}, {@job}, returns to {@place} after many years',
    'in {@place}, {@job} named {@hero} takes in a stranger called {@ally}',
    '{@hero} works as {@job} and has not spoken to {@mentor} since the funeral',
  ],
  setupGoal: [
    'together with {@ally}, {@heroFirst} sets out to find {@thing}',
    '{@heroFirst} is hired by {@organisation} to bring back {@thing}',
    'when {@thing} disappears, everybody in {@place} suspects {@heroFirst}',
    '{@heroFirst} and {@love} must decide whom they can trust',
    '{@mentor} asks {@heroFirst} for one last favour, and {@villain} hears of it',
  ],
  setupPremise: [
    'the story begins with {@heroFirst} arriving in {@place}',
    'the film follows {@hero}, {@job}, and {@ally} as they look for {@thing}',
    'it is about {@job} called {@hero} and the people of {@place}',
    'we meet {@heroFirst} and {@love} in {@place}, where {@organisation} owns nearly everything',
    'the set-up is simple: {@heroFirst} needs {@thing} and so does {@villain}',
    '{@actor} plays {@heroFirst}, {@job} who owes {@organisation} a favour',
    'it starts when {@mentor} asks {@heroFirst} for one last favour',
    '{@thing} is missing, {@organisation} is nervous and {@heroFirst} is broke: that is where we begin',
    '{@actor} is {@heroFirst}, {@actorTwo} is {@ally}, and both want {@thing}',
    'in the first act {@heroFirst} and {@ally} settle in {@place}',
    'as the trailer tells you, {@villain} comes to {@place} and everything changes',
    'you know the kind of story: a stranger, {@thing}, a town like {@place}',
  ],
}

/** Scenes that every film has: they give nothing away, yet name the same people and places as the spoilers do. */
export const SCENE_RULES: GrammarRules = {
  scene: [
    '{@heroFirst} and {@ally} drive through {@place} {atNight}',
    '{@heroFirst} argues with {@mentor} about {@thing}',
    '{@love} sings for the guests of {@organisation}',
    '{@villain} plays cards with {@ally} {atNight}',
    'in the kitchen {@heroFirst} tells {@love} about the war',
    '{@mentor} shows {@ally} how to open a safe',
    'the dinner at {@organisation} ends in a quarrel',
    '{@heroFirst} walks along the river of {@place} {atNight}',
    '{@ally} repairs the old car while {@heroFirst} waits',
    'there is a long chase through {@place} {atNight}',
    '{@love} and {@mentor} dance, and nobody speaks',
    '{@villain} gives a speech about {@place}',
    '{@heroFirst} sells the old house and keeps the piano',
    '{@ally} teaches {@love} to swim',
    'a letter from {@organisation} arrives and {@heroFirst} does not open it',
    '{@villain} buys a round for everybody in the harbour bar',
    '{@mentor} and {@heroFirst} climb the tower of {@place} {atNight}',
    '{@love} paints the door of the house in {@place} blue',
    '{@ally} loses a bet against {@mentor}',
    '{@heroFirst} listens at the door while {@villain} is on the telephone',
    'the market of {@place} is where {@heroFirst} first hears of {@thing}',
    '{@love} and {@heroFirst} miss the last train',
    '{@mentor} tells the story of {@organisation} {atNight}',
    'somebody follows {@ally} through {@place}',
  ],
  atNight: ['at night', 'in the rain', 'at dawn', 'in silence', 'on a Sunday', 'in deep snow', 'by train'],
}

/** Turning points. The name of a symbol is the fact; its alternatives are ways to tell it. */
export const TURN_RULES: GrammarRules = {
  turnAllyLies: [
    '{@ally} has {beenLying} to {@heroFirst} {allAlong}',
    '{itTurnsOut} {@ally} works for {@villain}',
    '{@heroFirst} {learns} that {@ally} sold {@thing} to {@organisation}',
    '{@ally} is the {traitor}',
  ],
  turnMentorDies: [
    '{@mentor} {isKilled} {halfway}',
    '{@villain} {kills} {@mentor} in front of {@heroFirst}',
    '{@mentor} does not survive the {attack}',
    '{@heroFirst} finds the body of {@mentor} {halfway}',
  ],
  turnSibling: [
    '{itTurnsOut} {@villain} is the brother of {@heroFirst}',
    '{@heroFirst} {learns} that {@villain} is family',
    'the {reveal} is that {@heroFirst} and {@villain} have the same father',
  ],
  turnThingFake: [
    '{@thing} was {aFake} {allAlong}',
    '{itTurnsOut} that {@thing} never existed',
    '{@heroFirst} {learns} that {@mentor} had destroyed {@thing} years ago',
  ],
  turnLoveLeaves: [
    '{@love} leaves {@heroFirst} for {@ally}',
    '{@love} {secretly} married {@villain}',
    '{@heroFirst} is abandoned by {@love} {halfway}',
  ],
  turnPrison: [
    '{@heroFirst} is arrested for a murder that {@ally} committed',
    '{@organisation} frames {@heroFirst} and {@ally} lets it happen',
    '{@heroFirst} spends years in prison because {@love} keeps silent',
  ],
  turnIdentity: [
    '{itTurnsOut} {@heroFirst} is not {@job} at all',
    'the real {@hero} died years ago and took {@thing} to the grave',
    '{@heroFirst} {learns} that all memories of {@place} were planted',
  ],
  turnPregnant: [
    '{@love} is pregnant and never tells {@heroFirst}',
    'the child that {@love} raises is the son of {@villain}',
    '{@heroFirst} {learns} of a daughter in {@place}',
  ],
  turnOrganisation: [
    '{@organisation} {itselfSecretly} ordered the {attack}',
    '{@mentor} {secretly} leads {@organisation}',
    '{itTurnsOut} {@organisation} was run by {@love} {allAlong}',
  ],
  turnFire: [
    '{@place} burns down and {@heroFirst} is blamed',
    '{@ally} sets fire to the archive to hide {@thing}',
    'the {attack} on {@place} leaves {@love} blind',
  ],
}

/** Endings. */
export const ENDING_RULES: GrammarRules = {
  endHeroDies: [
    '{@heroFirst} {dies} {inTheEnd}',
    '{inTheEnd} {@villain} {kills} {@heroFirst}',
    '{@heroFirst} {sacrifices} to save {@love}',
    'they actually {killOff} {@heroFirst} {inTheEnd}',
  ],
  endAllyKiller: [
    '{@ally} {isKiller}',
    '{itTurnsOut} that {@ally} {murdered} {@mentor}',
    '{inTheEnd} {@ally} confesses to the murder of {@mentor}',
    'the murderer is {@ally} and not {@villain}',
  ],
  endVillainWins: [
    '{@villain} gets away with {@thing} {inTheEnd}',
    '{inTheEnd} {@villain} wins and {@heroFirst} loses everything',
    '{@villain} walks free while {@heroFirst} goes to prison',
  ],
  endDream: [
    'the whole story {happensOnlyIn} the head of {@heroFirst}',
    '{inTheEnd} {@heroFirst} wakes up and {@place} never existed',
    '{itTurnsOut} {@heroFirst} has been dead {allAlong}',
  ],
  endReunion: [
    '{@heroFirst} and {@love} {reunite} in {@place} {inTheEnd}',
    '{inTheEnd} {@heroFirst} forgives {@love} and they marry',
    '{@love} comes back to {@heroFirst} {inTheEnd}',
  ],
  endMentorAlive: [
    '{@mentor} was alive {allAlong}',
    '{inTheEnd} {@mentor} returns and {kills} {@villain}',
    '{itTurnsOut} {@mentor} faked the death and planned it all',
  ],
  endSacrifice: [
    '{@ally} {sacrifices} so that {@heroFirst} can escape',
    '{@ally} {dies} holding {@thing}',
    '{inTheEnd} it is {@ally} who pays with a life',
  ],
  endDestroys: [
    '{@heroFirst} destroys {@thing} and leaves {@place} forever',
    '{inTheEnd} {@thing} is thrown into the sea',
    '{@heroFirst} burns {@thing} instead of giving it to {@organisation}',
  ],
  endHeroVillain: [
    '{@heroFirst} {isKiller}',
    '{itTurnsOut} that {@heroFirst} {murdered} {@love} in the first place',
    '{inTheEnd} we {learnPlural} that {@heroFirst} and {@villain} are the same person',
  ],
  endBetrayal: [
    '{@love} shoots {@heroFirst} {inTheEnd}',
    '{inTheEnd} {@love} takes {@thing} and disappears',
    '{@love} planned everything with {@villain} {allAlong}',
  ],
}

/** Short remarks that give something away without telling it. */
export const HINT_RULES: GrammarRules = {
  hint: [
    'poor {@ally}, I did not see that coming',
    'never trust {@ally}, that is all I say',
    'I am still not over what happens to {@mentor}',
    'keep an eye on {@love} in the first scene, it all makes sense later',
    'I really thought {@heroFirst} would make it',
    'watch it a second time and you see what {@ally} is doing in every scene',
    'after the last scene with {@love} I had tears in my eyes',
    'funny how {@thing} was never the point',
    'I knew from the start it could not be {@villain}',
    'the last look of {@heroFirst} tells you who did it',
  ],
}

/** Words that the stories share. */
export const STORY_WORDS: GrammarRules = {
  beenLying: ['been lying', 'been dishonest', 'hidden the truth from everyone and lied'],
  allAlong: ['all along', 'the whole time', 'from the beginning', 'from day one'],
  itTurnsOut: ['it turns out', 'as it turns out', 'we find out that', 'the truth is that', 'then it comes out that'],
  learns: ['learns', 'finds out', 'discovers', 'realises', 'has to hear'],
  learnPlural: ['learn', 'find out', 'realise'],
  traitor: ['traitor', 'informer', 'mole', 'one who betrayed them'],
  isKilled: ['is killed', 'is murdered', 'gets shot', 'dies', 'is stabbed'],
  kills: ['kills', 'murders', 'shoots', 'poisons', 'strangles'],
  killOff: ['kill off', 'kill', 'let die'],
  dies: ['dies', 'is dead', 'does not make it', 'drowns', 'gets shot', 'bleeds to death'],
  murdered: ['murdered', 'killed', 'poisoned', 'got rid of'],
  isKiller: ['is the killer', 'is the murderer', 'did it', 'turns out to be the killer', 'was the killer'],
  halfway: ['halfway through', 'in the second act', 'after about an hour', 'far too early', 'in the storm'],
  attack: ['attack', 'raid', 'ambush', 'explosion'],
  reveal: ['reveal', 'big twist', 'surprise', 'shock'],
  aFake: ['a fake', 'a forgery', 'worthless', 'a lie'],
  secretly: ['secretly', 'quietly', 'of all people'],
  itselfSecretly: ['itself secretly', 'of all people', 'itself'],
  sacrifices: ['is sacrificed', 'gives up life', 'stays behind and dies', 'takes the bullet'],
  inTheEnd: [
    'in the end',
    'at the end',
    'in the last scene',
    'in the final minutes',
    'when all is said and done',
    'eventually',
  ],
  happensOnlyIn: ['happens only in', 'takes place only in', 'exists only in'],
  reunite: ['reunite', 'find each other again', 'end up together', 'kiss and make up'],
}
