/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers of man pages and of completions share: a view of the table of commands. */
#pragma once

#include "cli.h"

/* `container run` is another name of `run`: both have one page. */
bool is_another_name(const struct command *c);
const struct command *own_page_of(const struct command *c);
/* What there is: neither refused nor an old name. */
bool is_offered(const struct command *c);

void write_pages(const char *prose_dir, const char *out_dir);
void write_completion(const char *shell, const char *driver, const char *out);

/* Ends the program. */
void fail(const char *what, const char *name) __attribute__((noreturn));
char *read_text(const char *path); /* "" when there is no such file; the caller frees */
void write_text(const char *path, const char *text, size_t len);
