/* SPDX-License-Identifier: Apache-2.0 */
/* <<EOF and its kind: which of them a line begins, and their bodies. */
#pragma once

#include "reader.h"

/* A word as what begins a heredoc: name, fd, expands and strips are set. false: it begins none. */
bool heredoc_parse_word(struct arena *a, const char *word, struct heredoc *out);
/* The heredocs that the text begins, in their order; the bodies are read. */
struct err *heredoc_read_all(struct line_reader *r, const struct joined_text *j,
                             struct heredoc **out, size_t *out_n) must_check;
