/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for containers that were given none: adjective_surname, a few tries, then
 * with a digit, then the id. The word lists are ours. Loop thread.
 */
#include <stdio.h>
#include <sys/random.h>

#include "base/digest.h"
#include "base/map.h"
#include "container/container_table.h"

static const char *const adjectives[] = {
    "able",    "agile",   "amber",    "ample",  "apt",     "blithe",  "bold",   "brave",   "breezy",
    "bright",  "brisk",   "calm",     "candid", "civil",   "clear",   "clever", "cosmic",  "crisp",
    "curious", "daring",  "deft",     "eager",  "earnest", "easy",    "elated", "fair",    "fleet",
    "fluent",  "fond",    "frank",    "fresh",  "gentle",  "gifted",  "glad",   "grand",   "hardy",
    "hearty",  "honest",  "humble",   "ideal",  "jolly",   "jovial",  "keen",   "kind",    "lively",
    "lucid",   "lucky",   "mellow",   "merry",  "mighty",  "modest",  "neat",   "nimble",  "noble",
    "patient", "placid",  "plucky",   "polite", "proud",   "quick",   "quiet",  "radiant", "rapid",
    "ready",   "robust",  "serene",   "sharp",  "sincere", "sleek",   "smart",  "snug",    "sober",
    "solid",   "spry",    "stable",   "steady", "stoic",   "sunny",   "supple", "swift",   "tender",
    "thrifty", "tidy",    "tranquil", "trusty", "upbeat",  "valiant", "vivid",  "warm",    "wise",
    "witty",   "zealous", "zesty",
};
static const char *const surnames[] = {
    "abel",         "ampere",   "babbage",  "banneker", "bell",       "bernoulli",  "bohr",
    "boole",        "carver",   "cauchy",   "chandra",  "clarke",     "copernicus", "curie",
    "darwin",       "dijkstra", "dirac",    "edison",   "einstein",   "euler",      "faraday",
    "fermat",       "feynman",  "fourier",  "franklin", "galileo",    "galois",     "gauss",
    "germain",      "goodall",  "hamilton", "hawking",  "hertz",      "hilbert",    "hopper",
    "hubble",       "huygens",  "hypatia",  "jacobi",   "johnson",    "kepler",     "knuth",
    "kovalevskaya", "lagrange", "lamarr",   "laplace",  "lavoisier",  "leibniz",    "lovelace",
    "mayer",        "maxwell",  "meitner",  "mendel",   "mirzakhani", "morse",      "nash",
    "newton",       "nobel",    "noether",  "ohm",      "pascal",     "pasteur",    "pauli",
    "perlman",      "planck",   "poincare", "ptolemy",  "ramanujan",  "riemann",    "ritchie",
    "rubin",        "sagan",    "shannon",  "stokes",   "tesla",      "thompson",   "torvalds",
    "turing",       "volta",    "watt",     "wiles",    "wright",     "wu",         "zhukovsky",
};

#define TRIES 6

static unsigned random_below(unsigned n)
{
    unsigned v = 0;

    if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
        v = 0;
    return v % n;
}

char *container_table_generate_name(struct container_table *t, struct arena *a)
{
    char id[ID_MAX];

    for (unsigned i = 0; i < TRIES; i++) {
        char *name = arena_printf(a, "%s_%s", adjectives[random_below(ARRAY_LEN(adjectives))],
                                  surnames[random_below(ARRAY_LEN(surnames))]);

        if (i > 1)
            name = arena_printf(a, "%s%u", name, random_below(i * 100));
        if (!map_get(t->by_name, name) && !map_get(t->reserved, name))
            return name;
    }
    id_random(id);
    return arena_strndup(a, id, ID_SHORT - 1);
}
