/* SPDX-License-Identifier: Apache-2.0 */
/* One instruction from its joined text. */
#pragma once

#include "heredoc.h"
#include "words.h"

/* What is known of an instruction while it is read. */
struct reading {
    struct line_reader *r;
    const struct joined_text *j;
    struct instruction *in;
    struct text_words flags;
    const char *rest; /* of j's text, behind the flags; no blanks at its ends */
};

/* The type that a word means, in any case; INS_TYPES when it is none. */
enum instruction_type instruction_type_of(const char *word);
/* From the text at `s`, which is a part of j's; heredocs are read from r. */
struct err *instruction_parse(struct line_reader *r, const struct joined_text *j, const char *s,
                              struct instruction *out) must_check;

/* instruction_args.c: what follows the flags, by type. */
struct err *instruction_parse_args(struct reading *g) must_check;

/* ins_flags.c: the flags into the instruction's arguments, each by its row. */
struct err *ins_flags_apply(struct reading *g) must_check;
const char *ins_flag_value(const struct instruction *in, const char *name); /* NULL: not given */
