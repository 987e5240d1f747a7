"""How the posters of each genre tend to look. Genres share skies, things and faces: none is a give-away."""

from dataclasses import dataclass

from pipeline.sample.palettes import Palette


@dataclass(frozen=True)
class Style:
    """What a genre's posters draw from; a name given twice comes up twice as often.

    Attributes:
        palettes: colours.
        layouts: keys of `posters.LAYOUTS`.
        skies: keys of `backdrops.SKIES`.
        grounds: keys of `backdrops.GROUNDS`.
        things: keys of `posters.THINGS`.
        people: (poses, what they wear, what they hold), each as in `shapes.person`.
        faces: keys of `lettering.FACES`, for the title.
        hats: of painted heads, as in `faces.draw_head`.
        contrast: of painted heads' light, 0..1.
        smiles: share of painted heads that smile.
    """

    palettes: tuple[Palette, ...]
    layouts: tuple[str, ...]
    skies: tuple[str, ...]
    grounds: tuple[str, ...]
    things: tuple[str, ...]
    people: tuple[tuple[str, str, str], ...]
    faces: tuple[str, ...]
    hats: tuple[str, ...] = ("",)
    contrast: float = 0.6
    smiles: float = 0.1


_TABLE = """
Action
palettes: 0c1418 7a3418 f0a040 e83018 / 0a1a24 2c5a70 e8b070 ff7a20 / 141414 4a4a50 d8d0c0 e01818 / 1a0a06
  b84814 ffc860 ffe030
layouts: hero hero lineup heads closeup split
skies: sunset storm fog spotlight
grounds: city city road ruins
things: explosion pistol car airplane
people: wide - gun / aim - gun / walk coat gun / run - - / crossed - - / wide - rifle
faces: condensed speed black worn grotesque
hats: - - - helmet
contrast: 0.85

Adventure
palettes: 1c2416 6a7a34 f0d080 e07820 / 0e2430 2a7890 f4dca0 f0a020 / 2c1808 a8682c f8d890 d84818 / 102818
  3a8048 e8e0a0 f0b020
layouts: hero hero heads scene lineup
skies: sunset clouds sunset fog
grounds: mountains sea desert forest
things: sailing_ship hot_balloon airplane sword
people: one_up fedora sword / wide - torch / walk fedora case / hips cape - / wide - sword
faces: roman slab black wornroman
hats: - - fedora
contrast: 0.55
smiles: 0.2

Animation
palettes: 10386a 30a0e8 c8f0ff ffb020 / 3a1060 a040c0 ffd0f0 ffe040 / 0a4a2a 40b850 e8ffb0 ff6030 / 70200a
  ff8030 fff0a0 30b0e0
layouts: cartoon cartoon cartoon scene
skies: clouds rays flat space
grounds: hills forest castle sea
things: critter critter hot_balloon starship
people: up cape - / one_up - balloon / dance crown -
faces: black lower hand
contrast: 0.2
smiles: 0.9

Biography
palettes: 2a2018 806848 e8d8b8 a83820 / 1a2028 506070 d8d4c8 c09040 / 241a14 94704c f4e4c8 803018
layouts: closeup closeup heads hero plain
skies: spotlight studio fog photograph
grounds: city hills stage
things: crown movie_camera key
people: stand coat case / walk coat - / hips - -
faces: roman didone spaced thin
contrast: 0.6

Comedy
palettes: 203a70 f0c020 fff4c8 e82828 / 104a5a 40c0c8 ffffff ff5a28 / 5a1a3a f87898 fff0e0 2898d8 / 2a4a10
  98c838 ffffd8 f04020 / 402010 f89030 fff0c8 2070c0
layouts: cutout cutout cutout cutout lineup icon
skies: studio studio flat rays
grounds: hills city road
things: wedding_cake car dog chair heart
people: shrug - - / hips - - / up - - / shrug tophat - / one_up dress,long - / crossed - case / dance -
  umbrella / hips dress,long -
faces: black lower hand grotesque italic
contrast: 0.25
smiles: 0.75

Crime
palettes: 0c1014 34404c c8c0a8 d02020 / 140e0a 5a4020 e8b860 c01818 / 101410 3c5040 c8d0a0 e0a020 / 0a0a0c
  44444c e8e4e0 c81420
layouts: lineup lineup hero closeup icon split
skies: spotlight bokeh fog studio
grounds: city city road
things: pistol pistol car knife key
people: stand coat,fedora - / aim coat gun / walk - case / crossed coat - / walk coat,fedora gun
faces: condensed grotesque black worn tall
hats: - - fedora
contrast: 0.9

Documentary
palettes: 303438 7c8488 e4e6e4 c83c20 / 283420 788860 e8ead8 e0a018 / 1c2c3c 6088a0 e8eef0 e86020
layouts: photo photo photo icon plain
skies: photograph photograph clouds studio
grounds: city sea hills mountains
things: movie_camera eye bare_tree ball
people: stand - - / walk - case / stand coat - / hips - -
faces: plain thin grotesque spaced
contrast: 0.4

Drama
palettes: 20242c 687480 dcd4c8 a85038 / 2a1e18 8a6a50 ecd8bc 9c3c24 / 141c2a 486080 c8d4dc e0a050 / 2c2820
  98907c f0ead8 607888 / 341c1c 9c6058 f0d4c4 385060
layouts: closeup closeup heads scene photo plain split
skies: sunset fog spotlight studio photograph clouds
grounds: hills sea city road forest
things: chair bare_tree house key rose
people: stand coat - / walk - - / stand dress,long - / walk coat case / stand - umbrella
faces: thin spaced roman didone plain
contrast: 0.6

Family
palettes: 184878 48a8e0 f0faff f04028 / 1a5a28 68c048 fcffd8 e83830 / 7a1818 e84030 fff4e0 289048 / 38208a
  8070e0 fff0ff ffc820
layouts: cutout cartoon scene hero cutout
skies: clouds studio flat clouds
grounds: hills forest hills castle
things: dog dog hot_balloon ball house critter
people: up - balloon / one_up - ball / hips - - / dance dress,long - / up - -
faces: black lower hand
contrast: 0.2
smiles: 0.9

Fantasy
palettes: 180c30 5a3890 d0b0f0 f0c040 / 081c2c 206888 a8e8e8 e8c060 / 1c1408 70582c f4d890 40b0a0 / 240a1c
  88305c f8c0a8 f0d060
layouts: hero scene heads hero icon
skies: clouds storm space sunset
grounds: castle castle mountains forest
things: sword crown key bare_tree planet
people: wide cape sword / one_up cape,wizard torch / stand cape,hood sword / hips cape,crown -
faces: roman wornroman didone
hats: - hood
contrast: 0.6

Film-Noir
palettes: 060606 404040 e0e0e0 f0f0f0 / 0a0a0a 505050 dcd8d0 c01818 / 0c0a08 4c463e e8dcc0 e8c030
layouts: vintage hero closeup vintage
skies: spotlight bokeh fog
grounds: city road
things: pistol rose eye
people: stand coat,fedora - / walk coat,fedora gun / stand dress,long -
faces: italic slab tall hand
hats: fedora fedora -
contrast: 1.0

History
palettes: 281c10 84602c f0d49c a02818 / 1a1c24 605c58 dcd0b4 b08028 / 300c0c 8c2c20 f0c890 e0b040
layouts: hero heads scene lineup plain
skies: sunset storm fog paper
grounds: castle desert ruins sea
things: crown sword sailing_ship
people: one_up cape sword / wide cape,crown - / stand dress,crown,long - / stand cape sword
faces: roman didone wornroman slab
hats: - - helmet
contrast: 0.55

Horror
palettes: 060606 3a0c0c b83020 e81010 / 080c0a 26382c a8b8a0 c81818 / 0a0812 302444 b0a0c8 d02020 / 040404
  2c2c2c d8d8d0 b00808
layouts: closeup scene icon icon hero
skies: fog spotlight storm fog
grounds: graveyard forest graveyard forest
things: skull skull hand_print knife house eye bare_tree wolf
people: stand hood knife / stand - knife / stand dress,long - / walk coat knife
faces: worn wornroman worn tall
hats: - - hood
contrast: 1.0

Music
palettes: 180a28 782878 f8a8c8 ffd020 / 0a0a0a 5a3414 f8b850 e83820 / 0c1c34 2c60a0 a8d8f8 f83878
layouts: hero icon scene closeup cutout
skies: spotlight bokeh rays space
grounds: stage city stage
things: guitar guitar note movie_camera
people: play - guitar / up - guitar / one_up - - / play tophat guitar
faces: grotesque hand wide worn
contrast: 0.7
smiles: 0.2

Musical
palettes: 581020 e03858 ffe0d0 ffd040 / 20186a 6858d8 fce8ff ffc830 / 703008 f0942c fff0c0 d82060
layouts: vintage lineup scene vintage
skies: rays spotlight rays flat
grounds: stage stage city
things: note masks rose heart
people: dance dress,long - / one_up tophat,coat cane / dance - cane / up dress,long -
faces: hand didone black italic
contrast: 0.3
smiles: 0.8

Mystery
palettes: 0a141c 284858 a8c8c8 d8b040 / 14101c 483c5c c8b8d0 c83030 / 10140c 485038 c8cca0 e8e0c0
layouts: icon closeup scene hero plain
skies: fog fog bokeh spotlight
grounds: forest city hills
things: magnifier key eye house chess_king
people: stand coat,fedora - / walk coat umbrella / stand - torch / stand dress,long -
faces: spaced roman tall didone thin
hats: - - fedora
contrast: 0.9

Romance
palettes: 4a1c30 d06880 ffe0dc c81848 / 583018 e09860 fff0d8 c03050 / 30284a 9878b0 f8e0f0 e86078 / 2a4458
  88b8c8 fff4ec e07080
layouts: couple couple heads cutout couple icon
skies: sunset studio bokeh clouds
grounds: sea hills city
things: heart heart rose
people: stand dress,long - / stand coat - / dance dress,long - / walk - umbrella
faces: thin didone hand roman italic
contrast: 0.3
smiles: 0.55

Sci-Fi
palettes: 040a18 1c4878 90d0f8 40e0f0 / 081014 20505c a0e8d8 f06020 / 0c0818 3c2c70 b0a0f0 f040c0 / 101418
  485868 d8e4ec 30b0f0
layouts: hero scene heads icon scene
skies: space space space storm spotlight
grounds: grid mountains desert grid city
things: planet planet starship saucer
people: stand space - / walk space - / wide - gun / stand coat -
faces: wide thin spaced tall wide
hats: - - space
contrast: 0.8

Short
palettes: 303030 989898 f4f4f0 e04030 / 203848 80a0a8 f8f4e4 f0b030
layouts: plain icon plain
skies: flat studio paper
grounds: hills road
things: chair key hot_balloon bare_tree
people: stand - balloon / walk - - / stand - umbrella
faces: plain lower thin
contrast: 0.4

Sport
palettes: 0c1830 285cb0 e8f0f8 f0b018 / 101010 903018 f0d8b0 f8c020 / 0c2814 2c8040 f0f8e0 f87018
layouts: hero hero closeup scene cutout
skies: spotlight storm clouds sunset
grounds: stadium stadium stadium road
things: ball trophy ball
people: run - ball / up - - / one_up - ball / hips - ball / run - -
faces: speed condensed black slab
contrast: 0.7
smiles: 0.2

Thriller
palettes: 080c10 24404c a8c0c0 e03020 / 0c0c0e 3a3e46 c8ccd0 d82818 / 0a1410 2c4a3c b0c8a8 f0d020 / 100c0a
  4c3020 d8a878 e85018
layouts: closeup closeup icon split hero scene
skies: bokeh fog spotlight storm
grounds: city road forest
things: eye pistol key chess_king knife
people: run - - / walk coat - / run coat gun / stand - - / walk - case
faces: spaced tall condensed grotesque thin
contrast: 0.95

War
palettes: 14160e 50502c c8b880 c83818 / 1c1c1a 5c5c54 ccc8b4 a82818 / 20140a 78502c e0b878 e8d8b0
layouts: hero lineup scene heads hero
skies: storm sunset fog storm
grounds: ruins ruins desert hills
things: tank tank airplane explosion
people: wide helmet rifle / run helmet rifle / walk helmet rifle / one_up helmet rifle / stand helmet -
faces: worn slab condensed wornroman
hats: helmet helmet -
contrast: 0.75

Western
palettes: 301408 a8501c f8c878 c82810 / 24180c 8c6030 f0d8a0 a83010 / 3a0c04 d06020 ffd880 fff0c0
layouts: hero vintage scene lineup hero
skies: sunset sunset paper clouds
grounds: desert desert mountains
things: horse_rider horse_rider cactus pistol
people: wide cowboy,coat gun / hips cowboy - / walk cowboy,coat rifle / aim cowboy gun
faces: wanted wanted slab worn
hats: cowboy
contrast: 0.7
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple("" if word == "-" else word for word in text.split())


def _read_styles() -> dict[str, Style]:
    styles = {}
    for block in _TABLE.strip().split("\n\n"):
        genre, *lines = block.replace("\n  ", " ").splitlines()
        row = dict(line.split(": ", 1) for line in lines)
        people = []
        for one in row["people"].split(" / "):
            pose, wears, holds = one.split()
            people.append((pose, "" if wears == "-" else wears.replace(",", " "), "" if holds == "-" else holds))
        styles[genre] = Style(
            palettes=tuple(map(Palette.of, row["palettes"].split(" / "))),
            layouts=_words(row["layouts"]),
            skies=_words(row["skies"]),
            grounds=_words(row["grounds"]),
            things=_words(row["things"]),
            people=tuple(people),
            faces=_words(row["faces"]),
            hats=_words(row.get("hats", "-")),
            contrast=float(row["contrast"]),
            smiles=float(row.get("smiles", "0.1")),
        )
    return styles


STYLES = _read_styles()
"""Genre -> style."""
