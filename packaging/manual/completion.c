/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completions for shells. What is the same in all of them is made here as a table: the words that
 * may follow, the flags, what kind of thing each value and argument is. How a shell asks and
 * answers is written by hand, in packaging/completion: a line @TABLE@ there is where the table
 * goes, @CORE@ takes core.sh.
 */
#include "manual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usage.h"

/* ---- kinds of things ---- */

static const struct {
    const char *start, *kind;
} arguments[] = {
    {"CONTAINER:", "copy"},    {"CONTAINER", "container"}, {"SOURCE_IMAGE", "image"},
    {"TARGET_IMAGE", "image"}, {"IMAGE", "image"},         {"NAME[:TAG", "image"},
    {"MANIFEST", "image"},     {"REPOSITORY", "image"},    {"NETWORK", "network"},
    {"VOLUME", "volume"},      {"CONTEXT", "context"},     {"NAME|ID", "object"},
    {"PATH", "file"},          {"FILE", "file"},           {"file", "file"},
    {"DEST_PATH", "copy"},     {"SRC_PATH", "copy"},
};

/* Which containers it can be about. */
static const struct {
    const char *command, *kind;
} states[] = {
    {"start", "stopped"}, {"stop", "running"},  {"exec", "running"}, {"attach", "running"},
    {"kill", "running"},  {"pause", "running"}, {"top", "running"},  {"unpause", "paused"},
};

static const struct {
    const char *flag, *kind;
} values[] = {
    {"network", "network"},
    {"net", "network"},
    {"volumes-from", "container"},
    {"link", "container"},
    {"volume", "mount"},
    {"context", "context"},
    {"env-file", "file"},
    {"label-file", "file"},
    {"cidfile", "file"},
    {"iidfile", "file"},
    {"file", "file"},
    {"input", "file"},
    {"config", "file"},
    {"from", "context"},
    {"cache-from", "image"},
    {"restart", "words:no,always,on-failure,unless-stopped"},
    {"log-driver", "words:json-file,local,syslog,journald,none"},
    {"log-level", "words:debug,info,warn,error,fatal"},
    {"signal", "words:HUP,INT,KILL,TERM,USR1,USR2,WINCH"},
    {"severity", "words:note,low,medium,high,critical"},
    {"format", "words:json,table"},
    {"progress", "words:auto,plain,quiet"},
    {"cgroupns", "words:host,private"},
};

static const char *kind_of_value(const struct flag *f)
{
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        if (strcmp(values[i].flag, f->name) == 0)
            return values[i].kind;
    return f->type == FLAG_PATH ? "file" : "none";
}

static const char *kind_of_argument(const struct command *c, const char *word)
{
    const char *kind = "none", *own = own_page_of(c)->name;

    for (size_t i = 0; i < ARRAY_LEN(arguments) && !strcmp(kind, "none"); i++)
        if (text_starts(word, arguments[i].start))
            kind = arguments[i].kind;
    if (strcmp(kind, "container") != 0)
        return kind;
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (strcmp(states[i].command, own) == 0)
            return states[i].kind;
    return kind;
}

/* " [OPTIONS] CONTAINER [CONTAINER...]" is "container container+": the last one comes again. */
static void add_kinds(struct buf *b, const struct command *c)
{
    const char *p = c->usage + strlen(c->name);
    const char *sep = "";

    while (*p && *p != '\n') {
        size_t len;

        p += strspn(p, " ");
        len = strcspn(p, " \n");
        if (len > 0 && strncmp(p, "[OPTIONS]", 9) != 0 && *p != '|' && *p != '-') {
            bool repeats = memmem(p, len, "...", 3) != NULL;

            buf_printf(b, "%s%s%s", sep, kind_of_argument(c, p + (*p == '[')), repeats ? "+" : "");
            sep = " ";
        }
        p += len;
    }
}

/* ---- words ---- */

static bool is_in_group(const struct command *c, const char *group)
{
    size_t len = strlen(group);

    return strncmp(c->name, group, len) == 0 && c->name[len] == ' ';
}

/* Made once; the rest of it is NULL. */
static const char *const *groups(void)
{
    static const char *found[64];
    size_t n = 0;

    if (found[0])
        return found;
    for (const struct command *c = commands; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        bool is_known = false;

        if (!space || !c->run)
            continue;
        for (size_t i = 0; i < n; i++)
            is_known |= is_in_group(c, found[i]);
        if (!is_known && n + 1 < ARRAY_LEN(found))
            found[n++] = strndup(c->name, (size_t)(space - c->name));
    }
    return found;
}

static bool belongs(const struct command *c, const char *group)
{
    if (!is_offered(c))
        return false;
    return *group ? is_in_group(c, group) : !strchr(c->name, ' ');
}

static const char *last_word(const struct command *c)
{
    const char *space = strchr(c->name, ' ');

    return space ? space + 1 : c->name;
}

/* ---- the table of bash and zsh ---- */

static void add_flag_words(struct buf *b, const struct flag *flags)
{
    const char *sep = "";

    for (const struct flag *f = flag_next(flags, NULL); f; f = flag_next(flags, f)) {
        buf_printf(b, "%s--%s", sep, f->name);
        if (f->letter)
            buf_printf(b, " -%c", f->letter);
        sep = " ";
    }
}

static void add_value_words(struct buf *b, const struct flag *flags)
{
    const char *sep = "";

    for (const struct flag *f = flags; f && f->name; f++) {
        if (f->type == FLAG_BOOL)
            continue;
        buf_printf(b, "%s--%s=%s", sep, f->name, kind_of_value(f));
        if (f->letter)
            buf_printf(b, " -%c=%s", f->letter, kind_of_value(f));
        sep = " ";
    }
}

static void add_row(struct buf *b, const char *name, const char *group, const struct flag *flags,
                    const struct command *c)
{
    const char *sep = "";

    buf_printf(b, "    '%s')\n        subcommands='", name);
    for (const struct command *k = commands; group && k->name; k++) {
        if (!belongs(k, group))
            continue;
        buf_printf(b, "%s%s", sep, last_word(k));
        sep = " ";
    }
    if (group && !*group)
        for (const char *const *g = groups(); *g; g++)
            buf_printf(b, " %s", *g);
    buf_puts(b, "' flags='");
    add_flag_words(b, flags);
    buf_puts(b, "' values='");
    add_value_words(b, flags);
    buf_puts(b, "' kinds='");
    if (c)
        add_kinds(b, c);
    buf_printf(b, "' options_first=%s ;;\n", c && c->options_first ? "1" : "");
}

static void add_shell_table(struct buf *b)
{
    buf_puts(b, "_berth_table() { # COMMAND\n    case $1 in\n");
    add_row(b, "", "", cli_global_flags(), NULL);
    for (const char *const *g = groups(); *g; g++)
        add_row(b, *g, *g, NULL, NULL);
    for (const struct command *c = commands; c->name; c++)
        if (c->run)
            add_row(b, c->name, NULL, c->flags, c);
    buf_puts(b, "    *) return 1 ;;\n    esac\n}\n");
}

/* ---- helps, in single quotes ---- */

static void add_quoted(struct buf *b, const char *text, const char *escape, char stop)
{
    bool was_blank = false;

    for (const char *p = text; *p && *p != stop; p++) {
        bool is_blank = *p == ' ' || *p == '\n';

        if (is_blank && was_blank)
            continue;
        was_blank = is_blank;
        if (*p == '\'')
            buf_puts(b, escape);
        else
            buf_putc(b, is_blank ? ' ' : *p);
    }
}

static void add_zsh_row(struct buf *b, const char *word, const char *help)
{
    buf_puts(b, " '");
    buf_puts(b, word);
    buf_puts(b, ":");
    add_quoted(b, help, "'\\''", 0);
    buf_puts(b, "'");
}

static void add_zsh_flags(struct buf *b, const char *name, const struct flag *flags)
{
    buf_printf(b, "    '%s') described=(", name);
    for (const struct flag *f = flag_next(flags, NULL); f; f = flag_next(flags, f)) {
        char word[128];

        snprintf(word, sizeof(word), "--%s", f->name);
        add_zsh_row(b, word, f->help);
        snprintf(word, sizeof(word), "-%c", f->letter);
        if (f->letter)
            add_zsh_row(b, word, f->help);
    }
    buf_puts(b, ") ;;\n");
}

static void add_zsh_words(struct buf *b, const char *group)
{
    buf_printf(b, "    '%s') described=(", group);
    for (const struct command *c = commands; c->name; c++)
        if (belongs(c, group))
            add_zsh_row(b, last_word(c), c->help);
    if (!*group)
        for (const char *const *g = groups(); *g; g++)
            add_zsh_row(b, *g, usage_group_help(*g));
    buf_puts(b, ") ;;\n");
}

static void add_zsh_tables(struct buf *b)
{
    add_shell_table(b);
    buf_puts(b, "_berth_describe_flags() { # COMMAND\n    case $1 in\n");
    add_zsh_flags(b, "", cli_global_flags());
    for (const struct command *c = commands; c->name; c++)
        if (c->run)
            add_zsh_flags(b, c->name, c->flags);
    buf_puts(b, "    *) described=() ;;\n    esac\n}\n");
    buf_puts(b, "_berth_describe_words() { # GROUP\n    case $1 in\n");
    add_zsh_words(b, "");
    for (const char *const *g = groups(); *g; g++)
        add_zsh_words(b, *g);
    buf_puts(b, "    *) described=() ;;\n    esac\n}\n");
}

/* ---- fish: a line for each word and flag ---- */

static void add_fish_word(struct buf *b, const char *group, const char *word, const char *help)
{
    buf_printf(b, "complete -c berth -n \"__berth_at '%s'\" -f -a %s -d '", group, word);
    add_quoted(b, help, "\\'", 0);
    buf_puts(b, "'\n");
}

static void add_fish_flags(struct buf *b, const char *name, const struct flag *flags)
{
    for (const struct flag *f = flag_next(flags, NULL); f; f = flag_next(flags, f)) {
        buf_printf(b, "complete -c berth -n \"__berth_at '%s'\" -l %s", name, f->name);
        if (f->letter)
            buf_printf(b, " -s %c", f->letter);
        if (f->type != FLAG_BOOL && strcmp(kind_of_value(f), "file") == 0)
            buf_puts(b, " -r");
        else if (f->type != FLAG_BOOL)
            buf_printf(b, " -x -a '(__berth_names %s)'", kind_of_value(f));
        buf_puts(b, " -d '");
        add_quoted(b, f->help, "\\'", 0);
        buf_puts(b, "'\n");
    }
}

static void add_fish_row(struct buf *b, const char *name, const struct flag *flags,
                         const struct command *c)
{
    buf_printf(b, "        case '%s'\n            set -g __berth_valued ", name);
    for (const struct flag *f = flags; f && f->name; f++) {
        if (f->type == FLAG_BOOL)
            continue;
        buf_printf(b, " --%s", f->name);
        if (f->letter)
            buf_printf(b, " -%c", f->letter);
    }
    buf_puts(b, "\n            set -g __berth_kinds ");
    if (c)
        add_kinds(b, c);
    buf_puts(b, "\n");
}

static void add_fish_table(struct buf *b)
{
    buf_puts(b, "function __berth_table\n    switch \"$argv[1]\"\n");
    add_fish_row(b, "", cli_global_flags(), NULL);
    for (const char *const *g = groups(); *g; g++)
        add_fish_row(b, *g, NULL, NULL);
    for (const struct command *c = commands; c->name; c++)
        if (c->run)
            add_fish_row(b, c->name, c->flags, c);
    buf_puts(b, "        case '*'\n            return 1\n    end\n    return 0\nend\n\n");
    add_fish_flags(b, "", cli_global_flags());
    for (const struct command *c = commands; c->name; c++) {
        if (belongs(c, ""))
            add_fish_word(b, "", c->name, c->help);
        if (c->run)
            add_fish_flags(b, c->name, c->flags);
    }
    for (const char *const *g = groups(); *g; g++) {
        add_fish_word(b, "", *g, usage_group_help(*g));
        for (const struct command *c = commands; c->name; c++)
            if (belongs(c, *g))
                add_fish_word(b, *g, last_word(c), c->help);
    }
}

/* ---- the file ---- */

static void add_core(struct buf *b, const char *driver)
{
    autobuf struct buf path = {0};
    const char *slash = strrchr(driver, '/');
    char *text;

    buf_printf(&path, "%.*score.sh", (int)(slash ? slash + 1 - driver : 0), driver);
    text = read_text(path.data);
    buf_puts(b, text);
    free(text);
}

void write_completion(const char *shell, const char *driver, const char *out)
{
    autobuf struct buf b = {0};
    char *text = read_text(driver), *rest = text, *line;

    while ((line = strsep(&rest, "\n"))) {
        if (strcmp(line, "@CORE@") == 0)
            add_core(&b, driver);
        else if (strcmp(line, "@TABLE@") != 0)
            buf_printf(&b, rest ? "%s\n" : "%s", line);
        else if (strcmp(shell, "bash") == 0)
            add_shell_table(&b);
        else if (strcmp(shell, "zsh") == 0)
            add_zsh_tables(&b);
        else
            add_fish_table(&b);
    }
    if (b.len == 0)
        fail("read", driver);
    write_text(out, b.data, b.len);
    free(text);
}
