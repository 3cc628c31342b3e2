/* SPDX-License-Identifier: Apache-2.0 */
/* An instruction's text taken apart: its word, its flags, its arguments. */
#pragma once

#include "reader.h"

struct text_word {
    char *text;
    const char *at; /* in the text it is of */
    size_t n;       /* bytes there */
};
struct text_words {
    struct text_word *v;
    size_t n;
};
/* Split at blanks that are not quoted; quotes and escapes stay. */
struct text_words words_quoted(struct arena *a, const char *s, char escape);
/* Split at blanks. */
struct text_words words_plain(struct arena *a, const char *s);
struct strs words_texts(struct arena *a, const struct text_words *w);

/* The flags at the beginning of s, without quotes and escapes; what follows them is returned. */
const char *words_flags(struct arena *a, const char *s, struct text_words *out);
