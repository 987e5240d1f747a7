"""The only place where a feature's name is spelled.

Raw features are what FilmExampleGen writes into each `tf.Example`; transformed features are what
`transform.preprocessing.preprocessing_fn` makes of them.
"""

# Raw: identity and content.
ID = "id"  # bytes[1]
OVERVIEW = "overview"  # bytes[0..1], UTF-8
POSTER = "poster"  # bytes[0..1], the file's own JPEG or PNG bytes
GENRES = "genres"  # bytes[0..n]

# Raw: summaries, there so that TFDV sees drift that it cannot see in raw bytes.
POSTER_WIDTH = "poster_width"  # int64[0..1], pixels
POSTER_HEIGHT = "poster_height"  # int64[0..1], pixels
POSTER_LUMA = "poster_luma"  # float32[0..1], mean ITU-R 601 luma, 0..1
OVERVIEW_WORDS = "overview_words"  # int64[0..1]

# Transformed.
PIXELS = "pixels"  # bytes[1]: height * width * 3 uint8, row-major RGB; black where there is no poster
TOKENS = "tokens"  # int64[0..max_words]: PADDING never, UNKNOWN, then words by falling frequency
NGRAMS = "ngrams"  # int64[0..n]: buckets of hashed n-grams, each once
NGRAM_WEIGHTS = "ngram_weights"  # float32[0..n]: what they weigh, by TF-IDF
LABELS = "labels"  # int64[G]: multi-hot, in the order of the vocabulary GENRES_VOCABULARY
HAS_POSTER = "has_poster"  # int64[1]: 0 or 1
HAS_OVERVIEW = "has_overview"  # int64[1]: 0 or 1

# Token ids below the vocabulary's own.
PADDING = 0
UNKNOWN = 1
RESERVED_TOKENS = 2

# Files in the transform graph's assets.
WORDS_VOCABULARY = "words"
GENRES_VOCABULARY = "genres"

CHANNELS = 3

SPLITS = {"train": 8, "eval": 1, "test": 1}  # name -> hash buckets
