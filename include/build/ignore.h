/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .dockerignore: what of a context is left out. The last pattern that matches a path or one of its
 * folders decides; '!' takes back. '*' and '?' do not cross '/', "**" does, and "[a-z]" is a
 * class, by the rules of Go's filepath.Match and moby's patternmatcher. Pure, any thread.
 */
#pragma once

#include "base/text.h"

#define IGNORE_SIZE_MAX (1u << 20)
#define IGNORE_PATTERNS_MAX 10000

struct ignore; /* of an arena: nothing to destroy */

/* The name of the file that holds for a Dockerfile alone: "build/prod.Dockerfile.dockerignore". If
 * it is not in the context, ".dockerignore" holds. */
char *ignore_file_name(struct arena *a, const char *dockerfile);

/* ERR_INVALID "syntax error in pattern" with the line and what it says; ERR_TOO_LARGE. `name` is
 * for the error. Of size 0: nothing is left out. */
struct err *ignore_parse(struct arena *a, const char *name, const char *text, size_t size,
                         struct ignore **out) must_check;
/* The same from a list, without comments: COPY --exclude. */
struct err *ignore_from_list(struct arena *a, const struct strs *patterns, struct ignore **out)
    must_check;

/* Paths are relative and clean: "src/main.c". "" is the context itself, never left out. */
bool ignore_excludes(const struct ignore *g, const char *path);
/* Below this folder, which is left out, no '!' can take anything back: it need not be read. */
bool ignore_skips_folder(const struct ignore *g, const char *folder);
bool ignore_has_exceptions(const struct ignore *g); /* a '!' */
/* A lone "*", "**" or the like leaves out all that is in the root. */
bool ignore_excludes_root(const struct ignore *g);
