"""What overviews and titles are made of: phrases by genre, and neutral ones.

A bank has five kinds of phrase: `who` (an occupation, no article), `where` (with its preposition), `event`
(a clause, present tense, fits after "when"), `goal` (a verb phrase, fits after "must"), `twist` (a clause that
stands as a sentence), and `title` (nouns that fit into a title). `[one|other]` is a choice, `{slot}` is filled
by the grammar: {he} {him} {his}, {first} {last} for the lead, {ally} and {foe} for two other people, {city} and
{western} for places, {n} for a small number in words, {d} for a digit.
"""

KINDS = ("who", "where", "event", "goal", "twist", "title")

NEUTRAL = "Neutral"


def _words(text: str) -> list[str]:
    return [word.replace("_", " ") for word in text.split()]


_BANKS = """
# Neutral
who: schoolteacher / mechanic / [young|retired] nurse / waitress / postman / baker / bus driver / carpenter /
  librarian / shopkeeper / student / night porter / translator / architect / dentist / farmer /
  [tired|stubborn] landlord / clerk / gardener / tailor / cook / hotel manager / taxi driver / photographer /
  tour guide / piano tuner / clockmaker / beekeeper / ferryman / surveyor / janitor / lawyer
where: in {city} / in a small town near {city} / on the outskirts of {city} / in a [quiet|crowded|fading]
  suburb / on a small island / in a mountain village / at the edge of the city / in a seaside hotel / in a
  crumbling apartment block / on the last train to {city} / in a valley that nobody visits / in the north of
  the country / by the harbour of {city}
event: a [letter|stranger|parcel|phone call] arrives from {city} / {ally} comes home after {n} years / the
  [factory|school|old mill] is about to close / {he} loses {his} job / a storm cuts off the
  [village|island|road] / {ally} makes an offer that {he} cannot refuse / the money runs out / an accident
  changes everything / {foe} moves in next door / {he} inherits a house from an uncle {he} has never met / the
  summer ends early / a photograph turns up in the wrong hands
goal: choose between {ally} and {foe} / find a way home before [winter|Sunday|the wedding|dawn] / come to
  terms with the past / keep a promise made {n} years ago / decide who can be trusted / learn to live with
  {ally} / start all over again / hold everything together / tell {ally} the truth / cross half a continent /
  win back the trust of {ally} / face {foe} alone
twist: nothing goes according to plan / time is running out / the truth turns out to be stranger than anyone
  thought / {foe} has other plans / not everyone wants to be helped / {ally} is not who {he} seems to be /
  there is no way back / one night is enough to change everything / the past has a way of catching up /
  everyone has something to lose / the answer was there from the beginning / {he} has only {n} days left
title: House / Road / River / Summer / Winter / Letter / Stranger / Morning / Bridge / Island / Garden /
  Window / Promise / Return / North / Door / Night / Voyage / Silence / Hour

# Action
who: ex-commando / bodyguard / mercenary / special forces [veteran|captain] / stunt driver / SWAT
  [leader|officer] / martial arts master / getaway driver / bomb disposal expert / fearless agent
where: in a skyscraper held by [terrorists|mercenaries] / on a hijacked [train|airliner|tanker] / on the
  streets of {city}, where gangs rule / at a secret military base
event: terrorists seize the [tower|airport|embassy] / a team of mercenaries kidnaps {his}
  [daughter|brother|partner] / {his} unit is ambushed and left for dead / a stolen warhead falls into the
  hands of {foe} / a price is put on {his} head / an arms dealer called {foe} takes {n} hostages
goal: fight {his} way out / stop the attack / take down {foe} and a private army / disarm the bomb / rescue
  the hostages single-handed / outrun {n} assassins / get revenge, one bullet at a time / lead an elite squad
  behind enemy lines
twist: an explosive chase across {city} begins / the fists and bullets start to fly / {foe} has an army and
  {he} has {n} bullets / the mission was a trap / it all comes down to one last fight on the roof
title: Strike / Fury / Impact / Bullet / Vengeance / Target / Steel / Fist / Fire / Code / Force / Hammer

# Adventure
who: explorer / treasure hunter / sea captain / archaeologist / bush pilot / mountaineer / mapmaker / castaway
  / young adventurer / smuggler with a heart
where: on an uncharted island / in the heart of the jungle / on the high seas / along the great river / in a
  lost city beyond the mountains
event: an ancient map leads to a hidden [temple|treasure|valley] / {his} ship is wrecked far from any chart /
  an expedition into the jungle vanishes / pirates take {ally} aboard / a legend about a lost
  [crown|city|mine] proves true / the balloon comes down in unknown land
goal: cross the desert / find the lost treasure / lead the expedition to the summit / survive the wild / sail
  around the world / reach the lost city before {foe} / escape from the island / brave
  [rapids|quicksand|crocodiles] and worse
twist: the journey of a lifetime begins / danger waits around every bend of the river / the treasure is
  guarded by more than legends / {foe} and {his} rivals are a day behind / the quest takes them to the ends of
  the earth
title: Treasure / Quest / Horizon / Expedition / Jungle / Compass / Lost City / Seas / Summit / Kingdom / Map
  / Legend

# Animation
who: clumsy penguin / brave little [mouse|robot|fox] / orphaned dragon / talking [dog|donkey|parrot] / shy
  hedgehog / toy soldier / runaway circus bear / curious otter / tiny owl
where: in a world where animals talk / in a toy shop after closing time / deep in the enchanted forest / under
  the sea / in a city of gears and balloons
event: the other animals leave the forest / {he} is separated from the herd / a spell turns the princess into
  a [frog|goose|teapot] / the toys come alive / the zoo gates open / a comet lands in the pond
goal: find {his} way back to the herd / save the forest from {foe} / learn to fly / prove that even the
  smallest [mouse|bird|toy] counts / bring colour back to the kingdom / outwit the hungry wolf
twist: with the help of a wisecracking [squirrel|crow|snail], anything can happen / the animals have to work
  together / a big heart beats in a small chest / there are songs, pranks and one very grumpy bear
title: Whiskers / Pip / Paws / Bubbles / Tails / Acorn / Penguin / Button / Little Dragon / Hoppity / Noodle /
  Feathers

# Biography
who: [celebrated|forgotten] painter / mathematician / pioneering [surgeon|aviator|physicist] / controversial
  senator / famous novelist / child prodigy / civil rights leader / inventor of the
  [telegraph|camera|typewriter]
where: in the [salons|laboratories|slums] of {city} / from a poor childhood in {city} to world fame / at the
  height of {his} fame
event: fame finds {him} at the age of {n} and twenty / {his} life's work is stolen by {foe} / the
  [academy|church|senate] turns against {him} / {he} meets {ally}, who becomes {his} muse and rival / illness
  threatens {his} career
goal: change the way the world sees / leave a legacy / pay the price of genius / defend {his} life's work /
  overcome poverty and prejudice to become a legend
twist: this is the true story of a remarkable life / the film follows {his} rise and fall over {n} decades /
  based on the memoirs of those who knew {him} / the man behind the myth is revealed / it is the portrait of a
  genius at odds with the age
title: Life of {last} / {last} / Portrait / The Young {last} / Genius / Memoir / {first} and {last} / Legacy

# Comedy
who: hapless [salesman|groom|waiter] / slacker / failed comedian / wedding planner / pampered heir /
  incompetent [spy|dentist|scoutmaster] / lottery winner / lazy roommate / divorced parent / eternal optimist
where: at the worst hotel in {city} / at a high school reunion / in a house full of in-laws / at a summer camp
  / in a sleepy suburb where nothing works
event: a bachelor party gets out of hand / {he} is mistaken for a [bishop|millionaire|spy] / {his}
  [mother-in-law|ex|whole family] moves in / a little lie gets out of control / {n} best friends wake up in
  the wrong [wedding|country|bed] / the boss gives {him} {n} days to find a fiancée
goal: pretend to be married to {ally} / hide a [goat|corpse|chimpanzee] from the neighbours / survive a week
  with the in-laws / win the annual [pie|dance|hot dog] contest / crash the wedding / fake {his} own funeral /
  keep a straight face
twist: hilarity ensues / chaos breaks out and the cake does not survive / everything that can go wrong does,
  twice / the misunderstandings pile up / {his} crazy friends only make it worse / nobody is ready for grandma
title: Wedding / In-Laws / Trouble / Bachelor / Roommates / Honeymoon / Dummies / Vacation / Oops / Cousin /
  Big Day / Party

# Crime
who: small-time [crook|hustler|bookie] / safecracker / homicide detective / mob [boss|accountant|lawyer] /
  corrupt cop / hit man / undercover narcotics officer / bank robber / loan shark / jewel thief
where: in the underworld of {city} / in the back rooms of {city} / in a state prison / on the mob's payroll
event: a heist goes wrong / the mob comes to collect / {his} partner is gunned down / a drug deal turns sour /
  {foe} gets out of prison / a suitcase of dirty money disappears / the police find a witness
goal: pull one last job / go undercover in the mob / rob the casino / pay back what {he} owes to {foe} / bring
  down the cartel / launder {n} million for {foe} / stay ahead of both the cops and the gangsters
twist: there is no honour among thieves / somebody in the gang is talking to the police / the cartel wants its
  money back / the loot is gone and everyone is a suspect / loyalty has a price in {city}
title: Heist / Job / Syndicate / Alibi / Score / Gangster / Racket / Witness / Precinct / Loot / Verdict / Mob

# Documentary
who: filmmaker / veteran journalist / activist / marine biologist / whistle-blower / street artist
where: inside the [food|arms|fashion] industry / behind the scenes of {city}'s oldest [theatre|prison|market]
  / on the front line of the climate crisis
event: a camera crew is given access for the first time / lost archive footage comes to light / the filmmakers
  follow {n} families for a year / experts and eyewitnesses speak out
goal: document what is left / ask how it could come to this / expose the industry / show the world what the
  cameras never saw
twist: through interviews and archive footage, a portrait of a community emerges / this documentary looks at
  the people behind the headlines / rare footage and candid interviews tell the story / the film examines the
  cost of progress / the director interviews scientists, workers and politicians
title: Inside {city} / Untold / Archive / The {city} Tapes / People of {city} / Truth About Salt / Witnesses /
  Frames

# Drama
who: grieving [parent|gardener|neighbour] / struggling single parent / recovering alcoholic / troubled
  teenager / lonely pensioner / ailing head of the family / estranged [twin|child] / immigrant worker /
  disgraced pastor / terminally ill professor
where: in a working-class [family|district] / in a family torn apart by grief / in a hospital ward / on a
  failing farm
event: {his} [mother|father|child|husband|wife] dies / an affair comes to light / a long-buried family secret
  surfaces / {ally} is diagnosed with a terminal illness / {his} marriage falls apart / a tragedy shatters the
  family
goal: come to terms with loss / care for {his} dying [father|mother|sister] / rebuild a broken family /
  confront {his} own guilt / find forgiveness / raise a child alone / face addiction
twist: old wounds are opened / grief brings out the best and the worst in them / a bond grows between two
  lonely people / each must face the consequences / the family will never be the same / {he} struggles to
  forgive {ally}
title: Mothers / Grace / Ashes / Sons / Forgiveness / Autumn / Tenderness / Distance / Weight / Absence /
  Daughters / Salt

# Family
who: {n}-year-old [runaway|genius|troublemaker] / lonely kid / mischievous twin / kindly grandparent / new
  nanny / stray puppy / little league coach / eleven-year-old inventor
where: at a school for gifted children / on grandpa's farm / in a town where Christmas is cancelled / in a
  tree house
event: the family dog goes missing / the children find a [pony|baby elephant|seal] in the barn / the parents
  go away and leave the kids in charge / Santa falls off the roof / summer vacation begins
goal: save Christmas / find a home for the puppy / help the children win the race / bring the family together
  / teach {n} unruly kids some manners / get home in time for the holidays
twist: the kids discover what friendship means / a dog, {n} children and one grumpy neighbour become friends /
  the whole family learns to believe / it is a holiday they will never forget
title: Puppy / Christmas / Grandpa / Pony / Tree House / Kids / Holiday / Best Friend / Snow Day / Nanny /
  Buddy

# Fantasy
who: young wizard / exiled heir / sorcerer's apprentice / blacksmith with a magic [sword|hammer] / elf /
  reluctant sorceress / guardian angel / immortal [minstrel|knight]
where: in a kingdom of [magic|dragons|eternal winter] / in a realm between the worlds / in an enchanted castle
event: an ancient curse awakens / the dark lord {foe} returns / a magic [mirror|ring|door] opens a portal / a
  dragon burns the harvest / the prophecy names {him} as the chosen one / {he} makes a wish that comes true
goal: break the spell / destroy the enchanted [ring|crown|mirror] / find the last dragon / fulfil the prophecy
  / return the magic to the realm / defeat the sorcerer {foe}
twist: the magic has a price / dark forces gather beyond the mountains / only the chosen one can wield the
  sword / elves, trolls and witches join the battle / the spell ends at midnight
title: Spell / Dragon / Crown / Realm / Wizard / Prophecy / Enchanted Wood / Sorceress / Ring / Mirror / Curse
  / Unicorn

# Film-Noir
who: hard-boiled private eye / nightclub singer with a past / crooked insurance man / down-and-out boxer /
  fugitive [bookkeeper|sailor] / fatal stranger
where: in the rain-soaked streets of {city} / in a smoky nightclub / in a cheap hotel by the docks
event: a beautiful blonde walks into {his} office / a husband is shot for the insurance / {he} wakes up next
  to a dead man / a fatal woman named {ally} asks for a small favour
goal: take the fall for a woman / clear {his} name before dawn / frame {foe} for murder / run from the law and
  {his} own shadow
twist: she is beautiful, and she is lying / fate deals {him} a bad hand / the insurance policy pays double /
  everyone in this racket wears a mask
title: Shadow / Alley / Dame / Midnight / Gardenia / Double Deal / Nightfall / Blonde

# History
who: queen's adviser / peasant leader / young emperor / general of the [republic|crown] / abolitionist / royal
  spy / court [painter|physician] / ship's [chaplain|surgeon]
where: in [ancient Rome|medieval France|Tudor England|imperial Russia] / on the eve of the revolution / at the
  royal court / in the [16th|17th|18th|19th] century
event: revolution breaks out / the king is betrayed by his own court / the empire starts to crumble / an
  uprising is crushed / the treaty is broken / the plague reaches {city}
goal: save the crown / lead the uprising / defy the emperor / unite the clans against the crown / keep the
  republic alive / change the course of history
twist: an empire is about to fall / the events of that year shape the nation / the throne demands a sacrifice
  / history will judge them both / the revolution devours its children
title: Empire / Queen / Rebellion / Throne / Reign / Tsar / Revolution / Colony / 1789 / Emperor / Treaty /
  1848

# Horror
who: babysitter / paranormal investigator / gravedigger / possessed [child|organist] / camp counsellor / final
  survivor / occult scholar / surgeon gone mad
where: in a haunted [house|asylum|hospital] / in an abandoned asylum / at a remote cabin in the woods / in a
  village cursed for {n} centuries
event: {n} teenagers spend a night in a haunted house / a demon is set free / the dead rise from their graves
  / a masked killer returns to [camp|town|the lake] / a vampire comes to town / strange noises come from the
  cellar / a Ouija board gives an answer
goal: survive the night / drive out the demon / escape from the bloodthirsty {foe} / break the curse of the
  [house|doll|well] / burn the body before it rises / stay awake, or die
twist: one by one, they die in gruesome ways / the evil has never left the house / something is hungry in the
  dark / the blood will not wash off / the terror has only begun / the creature feeds on fear
title: Cellar / Blood / Scream / Grave / Demon / Asylum / Crypt / Haunting / Flesh / Dead / Ritual /
  Possession

# Music
who: jazz [trumpeter|pianist|drummer] / rock star / struggling songwriter / punk [singer|guitarist] / choir
  conductor / aging folk singer / young rapper / violin prodigy
where: at a conservatory in {city} / on tour with a rock band / in the clubs of {city} / in a recording studio
event: the band breaks up / a record label offers a deal / {he} joins a [rock|jazz|blues] band / the concert
  hall burns down / {his} demo tape is played on the radio
goal: get the band back together / record one more album / win the [talent|piano|choir] competition / play the
  concert of a lifetime / find {his} own sound
twist: the music is the only thing that keeps {him} alive / the band plays on / sex, drugs and rock and roll
  take their toll / the tour turns into a farewell concert
title: Blues / Encore / Chord / Rhythm / Album / Band / Jazz / Trumpet / Backstage / Tempo / Refrain

# Musical
who: chorus dancer / Broadway [producer|dancer] / tap dancer / singing [cook|sailor|waiter] / vaudeville star
where: on Broadway / at a theatre where the show must go on / in a dance hall of the thirties
event: the leading lady breaks a leg on opening night / the show loses its backer / a chorus girl gets her big
  break / the whole town bursts into song
goal: put on a show / dance {his} way to the top / sing for the producer {foe} / save the theatre with one
  dazzling number
twist: there is singing and dancing in the streets / everyone breaks into song / the curtain rises and a star
  is born / {n} lavish musical numbers later, love wins
title: Broadway / Melody / Serenade / Follies / Footlights / Dancing / Cabaret / Showtime

# Mystery
who: amateur sleuth / retired inspector / crime novelist / forensic [pathologist|psychologist] / private
  detective / village constable / amnesiac
where: at a country estate / in a locked library / in a village with too many secrets / on a night express
event: a body is found in the [library|lake|orchard] / a girl vanishes without a trace / {n} guests receive
  the same anonymous letter / the diary of a missing woman turns up / the heiress is found dead behind a
  locked door
goal: solve the murder / find out what happened to the missing girl / piece together the clues / unmask the
  culprit among {n} guests / decipher the dead man's diary
twist: every clue leads to another question / everyone in the house had a motive / the investigation uncovers
  older secrets / the disappearance is not the first / the detective begins to doubt the witness
title: Secret / Clue / Riddle / Disappearance / Locked Room / Vanishing / Inspector / Puzzle / Cipher /
  Orchard / Guests

# Romance
who: hopeless romantic / [florist|dressmaker|pastry chef] with a broken heart / newly divorced [editor|vet] /
  shy bookseller / wedding singer / charming [dancer|drifter] / matchmaker
where: in springtime Paris / at a vineyard in Tuscany / in a little café in {city}
event: {he} falls in love with {ally} / two strangers meet on a train and spend one night together / {his}
  first love comes back to town / {he} is left at the altar / a chance encounter leads to a passionate affair
  / old love letters are found
goal: win {his} heart back / choose between two lovers / follow {his} heart / confess {his} love before the
  wedding / forget {ally}, the love of {his} life / find true love after {n} bad dates
twist: love finds a way / an unlikely romance blossoms / they fall in love against all odds / one kiss changes
  everything / {his} fiancé must not find out / the passion burns long after the summer
title: Love / Kiss / Heart / Lovers / Paris / Bride / Sweetheart / Affair / Roses / Valentine / Always /
  Moonlight

# Sci-Fi
who: astronaut / android / rogue [geneticist|physicist] / starship [pilot|captain|engineer] / time traveller /
  cloned soldier / last human / hacker of the year 2{d}90
where: on a space station in orbit / on a distant planet / in a dystopian future / in a laboratory under the
  ice / aboard a starship
event: an alien signal reaches the Earth / an experiment opens a rift in time / the machines take over /
  aliens land in {city} / a virus wipes out mankind / the crew wakes from cryosleep {n} centuries late / a
  scientist builds a robot that feels
goal: save the Earth from an alien invasion / travel back in time / shut down the artificial intelligence /
  repair the ship before the oxygen runs out / bring the clone home / reach the colony on Mars
twist: the aliens are already among us / the future can still be rewritten / the computer will not open the
  airlock / humanity is not alone / the planet has a mind of its own / gravity is the least of their problems
title: Orbit / Galaxy / Android / Signal / Zero / Mars / Nebula / Machine / Time Loop / Colony / Quantum /
  Invasion

# Short
who: [child|clown|stranger] with a balloon / street sweeper / two mimes / lone chess player
where: in a single room / on a park bench
event: a balloon escapes / a chair breaks / two neighbours hear the same tune
goal: catch the balloon / finish one game of chess / open the box
twist: in a few wordless minutes, a whole life goes by / this short film needs no dialogue / it all happens in
  {n} minutes
title: Balloon / Chair / Minute / Bench / Box / Kite

# Sport
who: washed-up boxer / [basketball|football|hockey] coach / rookie pitcher / marathon runner / figure skater /
  racing driver / surfer / underdog [wrestler|jockey]
where: in a boxing gym / on the losing team of the league / at the Olympic trials / on the race track
event: the team loses its star player / the coach walks out before the big game / {he} gets a shot at the
  title / an injury ends {his} season / a school without a gym enters the championship
goal: win the championship / train for one last fight / turn a bunch of losers into a team / qualify for the
  Olympics / go the distance
twist: the underdogs make it to the final / the whole town turns up for the big game / it takes more than
  talent to win the title / the season comes down to the last round
title: Champion / Round / Season / Knockout / Coach / Finish Line / League / Goal / Underdogs / Marathon

# Thriller
who: FBI profiler / witness in hiding / hostage negotiator / blackmailed [judge|banker|surgeon] / obsessed
  stalker / CIA analyst / paranoid programmer / assassin
where: in a safe house / in a city under surveillance / in an isolated lodge with no phone signal
event: {he} receives a threatening call / a serial killer leaves a message for {him} / {he} uncovers a
  conspiracy that reaches the top / {his} [wife|husband|son|daughter] is abducted / {he} is framed for the
  murder of {foe} / a double agent is exposed / someone is watching the house
goal: stay one step ahead of a killer / clear {his} name / expose the conspiracy before it is too late / play
  a deadly game of cat and mouse / find the mole / pay the ransom in {n} hours
twist: nobody can be trusted / the hunter becomes the hunted / the killer knows {his} every move / paranoia
  sets in / {he} is drawn into a deadly web of lies / the conspiracy goes deeper than {he} feared
title: Paranoia / Ransom / Deception / Hunter / Pursuit / Obsession / Conspiracy / Prey / Edge / Threat /
  Suspect / Mole

# War
who: young [soldier|lieutenant|medic|conscript] / sniper / fighter pilot / resistance fighter / submarine
  [commander|officer] / prisoner of war / army nurse
where: in the trenches / in occupied {city} / behind enemy lines in 194{d} / on the Eastern Front
event: war breaks out / {his} platoon is cut off / the Germans occupy the village / his bomber is shot down /
  the order comes to hold the bridge / the convoy is torpedoed
goal: hold the bridge until the troops arrive / survive the battle / smuggle {n} refugees across the front /
  lead the platoon home / escape from the prison camp / blow up the railway
twist: the front is only {n} miles away / the battle claims more lives every day / war makes brothers of
  strangers / the enemy has a face / the soldiers wait for an order that never comes
title: Battalion / Trench / Platoon / Frontline / Armistice / Regiment / Bridge / Sniper / Valour / Bombers /
  Convoy

# Western
who: gunslinger / sheriff / outlaw / bounty hunter / cattle [rancher|rustler] / drifter on horseback /
  stagecoach driver / saloon [keeper|singer]
where: in a lawless frontier town / on the Mexican border / at a lonely ranch in {western}
event: a gang of outlaws rides into town / the stagecoach is robbed / the railroad wants the land / the cattle
  are stolen / a gunslinger called {foe} comes for revenge
goal: bring the outlaw to justice / drive the cattle to {western} / defend the ranch / face {foe} at high noon
  / hang up {his} guns
twist: there will be a showdown at dawn / the sheriff stands alone / gold brings out the worst in men / the
  saloon falls silent when {he} rides in
title: Gun / Rider / Canyon / Saddle / Frontier / Marshal / Dust / Outlaw / High Noon / Gulch / Rio Seco
"""

FIRST_NAMES = {
    "she": _words(
        """Anna Beatriz Carmen Chloé Clara Daphne Edith Elena Emma Esther Fatima Florence Frances Greta Hanna Helen
        Ines Ingrid Irene Iris Joan Judith Julia Kate Laura Leila Lena Louise Lucía Mabel Maggie Margot
        Maria Maya Mei Mina Naomi Nell Nina Nora Olga Paula Pearl Rachel Renée Rosa Ruth Sally Sara Simone
        Sofia Stella Susan Tess Vera Violet Wanda Yuki Zoë"""
    ),
    "he": _words(
        """Adam Abel Albert Alec Andrés Arthur Ben Bruno Carl Charlie Daniel David Dmitri Edgar Eli Emil Felix Frank
        George Giorgio Hank Harry Hassan Henry Hugo Ivan Jack Jacob James Jean Joe Jonah José Karl Kenji Leo
        Louis Luca Marcus Martin Max Miguel Milo Nick Noah Oscar Otto Paul Pete Rafael Ray Robert Sam Samir
        Simon Stefan Theo Tom Victor Walter Will Xavier"""
    ),
}

LAST_NAMES = _words(
    """Abbott Adeyemi Alvarez Bauer Bell Bergman Black Blanchard Boyd Brandt Brennan Calloway Carver Castellano
        Chandler Chen Cole Corrigan Costa Crane Dalton Delacroix Doyle Drake Dubois Eklund Ellis Falk
        Farrell Ferreira Finch Fischer Fontaine Fox Garza Glass Grant Greene Haddad Hale Hart Hayashi Holt
        Ito Jensen Kane Kapoor Keller Kessler Kim Kowalski Laurent Lindqvist Locke Lombardi Lund Mahoney
        Malone Marsh Mercer Molina Moreau Morgan Müller Nakamura Nash Novak O'Brien Okafor Olsen Ortega Park
        Pellegrini Petrov Pike Quinn Reyes Rossi Rourke Saito Salazar Santos Shaw Silva Sloane Sørensen
        Stone Sullivan Tanaka Thorne Vance Vargas Vaughn Vogel Volkov Walsh Ward Webb Weiss Whitlock Wilde
        Wolfe Yilmaz Young Zapata Zeller"""
)

CITIES = _words(
    """Lisbon Naples Chicago Boston Marseille Glasgow Detroit Havana Buenos_Aires Montréal Brooklyn Belfast
        Baltimore Trieste Odessa Berlin Vienna Istanbul Tangier Hong_Kong Osaka Bombay Dublin Málaga Memphis
        Portland Liverpool São_Paulo Reno Cardiff Antwerp Gdansk Helsinki Cairo Nairobi Saigon Manila
        Seville"""
)

ADJECTIVES = _words(
    """Last Lost Silent Broken Golden Hidden Crooked Second Distant Wild Secret Empty Burning Frozen Perfect Little
        Long Blue Red Black White Scarlet Final Forgotten Restless Electric Paper Glass Iron Velvet Bitter
        Gentle Strange Wicked Midnight Endless Seventh Borrowed Sleeping Stolen Quiet Savage Sweet Hollow
        Rising"""
)

WESTERN_PLACES = _words("Texas Wyoming Abilene Santa_Fe Montana Dodge_City Arizona")


def _read_banks() -> dict[str, dict[str, list[str]]]:
    banks: dict[str, dict[str, list[str]]] = {}
    for block in _BANKS.strip().split("\n\n"):
        name, *lines = block.replace("\n  ", " ").splitlines()
        bank = dict(line.split(": ", 1) for line in lines)
        banks[name.removeprefix("# ")] = {kind: bank[kind].split(" / ") for kind in KINDS}
    return banks


BANKS = _read_banks()
"""Phrases by genre (or `NEUTRAL`) and kind."""
