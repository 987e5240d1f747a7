"""Which genres a film has: IMDb's names, its imbalance, and which of them keep company."""

import numpy as np

# Weight of each genre in the first and in the second span. Fitted, together with `_AFFINITIES`, so that the
# first span has IMDb's shares (Drama on half of the films, Film-Noir on 0.6 %) and 2.5 genres a film.
# The second span drifts: Thriller doubles, Comedy falls, Film-Noir and Short are gone.
_WEIGHTS = {
    "Action": (7.11, 6.74),
    "Adventure": (4.2, 2.77),
    "Animation": (2.04, 2.17),
    "Biography": (1.59, 0.935),
    "Comedy": (22.3, 16.3),
    "Crime": (2.95, 1.92),
    "Documentary": (1.21, 1.76),
    "Drama": (32.5, 35.6),
    "Family": (1.54, 2.06),
    "Fantasy": (2.19, 1.65),
    "Film-Noir": (0.17, 0),
    "History": (0.737, 1.06),
    "Horror": (5.99, 6.67),
    "Music": (0.801, 0.987),
    "Musical": (0.387, 0.314),
    "Mystery": (1.79, 1.75),
    "Romance": (4.43, 4.22),
    "Sci-Fi": (2.59, 3.05),
    "Short": (0.296, 0),
    "Sport": (0.563, 0.428),
    "Thriller": (3.41, 8.45),
    "War": (0.796, 0.715),
    "Western": (0.431, 0.513),
}

GENRES = tuple(_WEIGHTS)
SPANS = (1, 2)

# Log-odds that one genre lends another once it is on the film; pairs not named are indifferent.
_AFFINITIES = """
+2.0 Animation Short, Film-Noir Crime, Biography History, Documentary Music, Documentary Short, History War
+1.5 Animation Adventure, Animation Family, Biography Documentary, Biography Sport, Documentary History
+1.5 Action Thriller, Crime Thriller, Documentary Sport, Documentary War, Music Musical, Mystery Thriller
+1.0 Action Adventure, Action Sci-Fi, Action Crime, Adventure Family, Biography Music, Fantasy Family
+1.0 Horror Mystery, Horror Thriller, Horror Sci-Fi, Crime Mystery, Crime Drama, Film-Noir Mystery
+0.6 Adventure Fantasy, Fantasy Horror, Comedy Family, Comedy Musical, Comedy Romance, Drama Romance
+0.6 Drama Biography, Drama History, Drama War, Drama Film-Noir, Romance Musical, Sport Drama, Western Adventure
+0.6 Action Western, Drama Music, War Action
-1.5 Action Romance, Action Drama, Comedy Thriller, Comedy History, Comedy Biography, Comedy War, Comedy Horror
-1.5 Comedy Drama, Drama Horror, Drama Animation, Drama Documentary, Drama Short, Sci-Fi Romance, Adventure Music
-1.5 Crime Fantasy, Sport Fantasy, Mystery Sport, Western Crime, Horror Romance, Adventure Romance, Drama Sci-Fi
-3.0 Family Thriller, Family Horror, Family Mystery, Family War, Family Crime, Animation Thriller, Animation Romance
-3.0 Animation Crime, Animation Mystery, Animation History, Animation Biography, Animation Music, Animation War
-3.0 Biography Sci-Fi, Biography Fantasy, Biography Horror, Biography Mystery, Documentary Thriller
-3.0 Documentary Romance, Documentary Horror, Documentary Action, Documentary Fantasy, Documentary Sci-Fi
-3.0 Documentary Mystery, Documentary Western, Film-Noir Comedy, Film-Noir Action, Film-Noir Adventure
-3.0 Film-Noir Horror, Film-Noir Sci-Fi, Film-Noir Fantasy, Film-Noir Family, Film-Noir Animation, History Mystery
-3.0 History Horror, History Sci-Fi, Horror War, Horror Sport, Horror Music, Horror Musical, Music Sci-Fi
-3.0 Music Action, Music Thriller, Musical Action, Musical Thriller, Musical Sci-Fi, Musical Mystery, Western Sci-Fi
-3.0 Western Animation, Western Horror, Western Music, War Sci-Fi, War Crime, Sport War, Sport Western, Short Thriller
-3.0 Short Biography, Short Mystery, Short War, Short Western
"""

_COUNTS = np.array([0.14, 0.28, 0.52, 0.06])  # share of films with 1, 2, 3 and 4 genres


def _affinity_factors() -> np.ndarray:
    """float64 [G, G]: what the weight of a genre is multiplied by for each genre already on the film."""
    log_odds = np.zeros((len(GENRES), len(GENRES)))
    for line in _AFFINITIES.strip().splitlines():
        strength, pairs = line.split(" ", 1)
        for pair in pairs.split(", "):
            one, other = (GENRES.index(name) for name in pair.split())
            log_odds[one, other] = log_odds[other, one] = float(strength)
    factors = np.exp(log_odds)
    np.fill_diagonal(factors, 0.0)  # no genre twice
    return factors


_FACTORS = _affinity_factors()


def weights(span: int) -> np.ndarray:
    """float64 [G]: the weight of each genre in a span, before any genre is on the film."""
    return np.array([of_spans[SPANS.index(span)] for of_spans in _WEIGHTS.values()], dtype=float)


def draw_genres(rng: np.random.Generator, span: int) -> tuple[str, ...]:
    """Draws one to four genres, each in the light of those before it; alphabetical, as IMDb lists them."""
    count = 1 + int(rng.choice(len(_COUNTS), p=_COUNTS))
    chosen: list[int] = []
    odds = weights(span)
    for _ in range(count):
        genre = int(rng.choice(len(GENRES), p=odds / odds.sum()))
        chosen.append(genre)
        odds = odds * _FACTORS[genre]
    return tuple(GENRES[genre] for genre in sorted(chosen))
