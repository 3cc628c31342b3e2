/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Man pages (as scdoc) and completions, made from the tables that the programs parse their flags
 * by: what a flag is called and does is written down once.
 *
 *   berth-manual pages PROSE_DIR OUT_DIR
 *   berth-manual completion bash|zsh|fish DRIVER OUT
 *
 * A program of the build, which is not installed.
 */
#include "manual.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(const char *what, const char *name)
{
    fprintf(stderr, "berth-manual: %s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

char *read_text(const char *path)
{
    struct buf b = {0};
    char block[4096];
    size_t n;
    FILE *f = fopen(path, "re");

    if (!f && errno != ENOENT)
        fail("read", path);
    while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
        buf_add(&b, block, n);
    if (f)
        fclose(f);
    return buf_steal(&b);
}

void write_text(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "we");

    if (!f || fwrite(text, 1, len, f) != len || fclose(f) != 0)
        fail("write", path);
}

bool is_offered(const struct command *c)
{
    return c->run && !c->alias_of_name;
}

static bool is_same(const struct command *a, const struct command *b)
{
    return a->run && a->run == b->run && strcmp(a->help, b->help) == 0;
}

/* The short name, else the first that is no alias. */
const struct command *own_page_of(const struct command *c)
{
    const struct command *first = NULL;

    for (const struct command *k = commands; k->name; k++) {
        if (!is_same(k, c))
            continue;
        if (!strchr(k->name, ' '))
            return k;
        if (!first && !k->alias_of_name)
            first = k;
    }
    return first ? first : c;
}

bool is_another_name(const struct command *c)
{
    return own_page_of(c) != c;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "pages") == 0) {
        write_pages(argv[2], argv[3]);
        return 0;
    }
    if (argc == 5 && strcmp(argv[1], "completion") == 0) {
        write_completion(argv[2], argv[3], argv[4]);
        return 0;
    }
    fputs("usage: berth-manual pages PROSE_DIR OUT_DIR\n"
          "       berth-manual completion bash|zsh|fish DRIVER OUT\n",
          stderr);
    return 2;
}
