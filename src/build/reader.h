/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the parser share: the source as lines, an instruction's lines joined with the
 * way back to where each byte stands, and errors that say where.
 */
#pragma once

#include "base/suggest.h"
#include "build/dockerfile.h"

struct line {
    const char *text; /* without its end */
    size_t len, len_with_end;
    size_t number; /* from 1 */
};
struct line_reader {
    struct arena *a;
    const struct source *src;
    const char *next, *end;
    size_t number;              /* of the line that was read last */
    struct source_range *where; /* out: of the error */
    char escape;
};
/* false at the end. */
bool reader_next(struct line_reader *r, struct line *out);

/* One instruction as a single text. A piece is what stands together in the source. */
struct piece {
    size_t at; /* in the joined text */
    struct source_place place;
};
struct joined_text {
    char *text; /* ends with NUL; has none in it */
    size_t len;
    struct piece *pieces;
    size_t n_pieces, room;
    struct source_range where;
};

/* ERR_INVALID "dockerfile parse error on line N: …"; the range is that of the instruction when n is
 * 0, else that of n bytes of its text. */
struct err *parse_error(const struct line_reader *r, const struct joined_text *j, const char *at,
                        size_t n, const char *fmt, ...) must_check like_printf(5, 6);
struct err *parse_error_at(const struct line_reader *r, struct source_range where, const char *fmt,
                           ...) must_check like_printf(3, 4);
/* ERR_TOO_LARGE. */
struct err *parse_too_much(const struct line_reader *r, struct source_range where, const char *fmt,
                           ...) must_check like_printf(3, 4);

/* The lines around a range between two rules of dashes, without the name. */
void source_excerpt(struct buf *out, const struct source *src, struct source_range where);

/* Blanks as Go's unicode.IsSpace knows them: the bytes of the one that s begins with, or 0. */
size_t space_length(const char *s);
const char *skip_spaces(const char *s);
size_t trimmed_length(const char *s); /* without the blanks at its end */
/* A copy without blanks at both ends. */
char *trimmed(struct arena *a, const char *s, size_t n);
void sort_texts(struct strs *s);
/* The rune that s, which is not empty, begins with, and its length; a byte that is none is one of
 * its own. */
size_t rune_at(const char *s, uint32_t *out);
const char *brief(struct arena *a, const char *s); /* what people are told of a long text */
/* Go's %q. */
const char *quoted(struct arena *a, const char *s);
