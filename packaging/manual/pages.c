/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Man pages as scdoc. A page is: name and synopsis from the tables, what PROSE_DIR/PAGE.scd says
 * (sections with "#", of which a DESCRIPTION comes first), then options from the tables, then where
 * else to look. Prose that no page asks for is a mistake, and so is a page that nobody makes:
 * tests/packaging looks for both.
 */
#include "manual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings_flags.h"
#include "usage.h"

struct pages {
    const char *prose_dir, *out_dir;
};

/* scdoc's own characters get a backslash. Lines and runs of blanks become one blank: the tables'
 * are laid out for --help. */
static void add_escaped(struct buf *b, const char *text)
{
    bool was_blank = false;

    for (const char *p = text; *p; p++) {
        bool is_blank = *p == ' ' || *p == '\n';

        if (is_blank && was_blank)
            continue;
        was_blank = is_blank;
        if (strchr("\\*_#[]|+-.<`", *p))
            buf_putc(b, '\\');
        buf_putc(b, is_blank ? ' ' : *p);
    }
}

static void add_bold(struct buf *b, const char *text)
{
    buf_putc(b, '*');
    add_escaped(b, text);
    buf_putc(b, '*');
}

static void add_flag_name(struct buf *b, const struct flag *f)
{
    const char *kind = flag_kind(f);

    if (f->letter)
        buf_printf(b, "*\\-%c*, ", f->letter);
    buf_puts(b, "*\\-\\-");
    add_escaped(b, f->name);
    buf_puts(b, "*");
    if (kind) {
        buf_puts(b, " _");
        add_escaped(b, kind);
        buf_puts(b, "_");
    }
    buf_putc(b, '\n');
}

static void add_options(struct buf *b, const struct flag *flags)
{
    const struct flag *f = flag_next(flags, NULL);

    if (!f)
        return;
    buf_puts(b, "# OPTIONS\n\n");
    for (; f; f = flag_next(flags, f)) {
        add_flag_name(b, f);
        buf_putc(b, '\t');
        add_escaped(b, f->help);
        buf_puts(b, "\n\n");
    }
}

static void add_reasons(struct buf *b, const char *title, const struct flag *flags, unsigned bit)
{
    bool any = false;

    for (const struct flag *f = flags; f && f->name; f++) {
        if (!f->remark || (bit && !(f->bits & bit)))
            continue;
        if (!any)
            buf_puts(b, title);
        any = true;
        add_flag_name(b, f);
        buf_putc(b, '\t');
        add_escaped(b, f->remark);
        buf_puts(b, "\n\n");
    }
}

/* Its sections. `name` is the page's, "berth-run". */
static void add_prose(struct buf *b, const struct pages *p, const char *name, const char *otherwise)
{
    autobuf struct buf path = {0};
    char *text;

    buf_printf(&path, "%s/%s.scd", p->prose_dir, name);
    text = read_text(path.data);
    if (*text) {
        buf_puts(b, text);
        buf_puts(b, "\n");
    } else {
        buf_puts(b, "# DESCRIPTION\n\n");
        add_escaped(b, otherwise);
        buf_puts(b, "\n\n");
    }
    free(text);
}

static void begin_page(struct buf *b, const char *name, int section, const char *help)
{
    buf_printf(b, "%s(%d) \"berth %s\" \"berth manual\"\n\n# NAME\n\n", name, section,
               BERTH_VERSION);
    buf_puts(b, name);
    buf_puts(b, " - ");
    add_escaped(b, help);
    buf_puts(b, "\n\n");
}

static void end_page(const struct pages *p, const struct buf *b, const char *name, int section)
{
    autobuf struct buf path = {0};

    buf_printf(&path, "%s/%s.%d.scd", p->out_dir, name, section);
    write_text(path.data, b->data, b->len);
}

/* "network ls" has the page berth-network-ls. */
static void page_name(struct buf *out, const char *command)
{
    buf_puts(out, "berth-");
    for (const char *c = command; *c; c++)
        buf_putc(out, *c == ' ' ? '-' : *c);
}

/* The usage of "cp" has two lines, the second with "berth" and blanks before it. */
static void add_synopsis(struct buf *b, const struct command *c)
{
    const char *line = c->usage;

    buf_puts(b, "# SYNOPSIS\n\n");
    for (;;) {
        size_t len = strcspn(line, "\n");
        char *text = strndup(line, len);

        buf_puts(b, "*berth* ");
        add_escaped(b, text);
        free(text);
        line += len;
        if (!*line)
            break;
        buf_puts(b, "++\n");
        line += strspn(line, "\n ");
        if (strncmp(line, "berth ", 6) == 0)
            line += 6;
    }
    buf_puts(b, "\n\n");
}

static void add_other_names(struct buf *b, const struct command *c)
{
    bool any = false;

    for (const struct command *k = commands; k->name; k++) {
        if (k == c || own_page_of(k) != c)
            continue;
        buf_puts(b, any ? ", " : "# OTHER NAMES\n\n");
        buf_puts(b, "*berth ");
        add_escaped(b, k->name);
        buf_puts(b, "*");
        any = true;
    }
    if (any)
        buf_puts(b, "\n\n");
}

static void write_command(const struct pages *p, const struct command *c)
{
    autobuf struct buf b = {0}, name = {0};

    page_name(&name, c->name);
    begin_page(&b, name.data, 1, c->help);
    add_synopsis(&b, c);
    add_prose(&b, p, name.data, c->help);
    add_other_names(&b, c);
    add_options(&b, c->flags);
    add_reasons(&b, "# OPTIONS OF DOCKER THAT BERTH REFUSES\n\n", c->flags, FLAG_REFUSED);
    buf_puts(&b, "# SEE ALSO\n\n*berth*(1), *berthd*(8)\n");
    end_page(p, &b, name.data, 1);
}

/* Another name's page is the one it is another name of. */
static void write_link(const struct pages *p, const struct command *c)
{
    autobuf struct buf b = {0}, path = {0}, name = {0}, own = {0};

    page_name(&name, c->name);
    page_name(&own, own_page_of(c)->name);
    buf_printf(&b, ".so man1/%s.1\n", own.data);
    buf_printf(&path, "%s/%s.1", p->out_dir, name.data);
    write_text(path.data, b.data, b.len);
}

static int by_name(const void *a, const void *b)
{
    const struct command *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static void add_command_list(struct buf *b)
{
    const struct command *shown[256];
    size_t n = 0;

    for (const struct command *c = commands; c->name && n < ARRAY_LEN(shown); c++)
        if (c->run && !is_another_name(c))
            shown[n++] = c;
    qsort(shown, n, sizeof(*shown), by_name);
    buf_puts(b, "# COMMANDS\n\n");
    for (size_t i = 0; i < n; i++) {
        autobuf struct buf name = {0};

        page_name(&name, shown[i]->name);
        add_bold(b, name.data);
        buf_puts(b, "(1)\n\t");
        add_escaped(b, shown[i]->help);
        buf_puts(b, "\n\n");
    }
}

static void add_refused_commands(struct buf *b)
{
    buf_puts(b, "# COMMANDS OF DOCKER THAT BERTH DOES NOT HAVE\n\n");
    for (const struct command *c = commands; c->name; c++) {
        if (!c->why_not)
            continue;
        add_bold(b, c->name);
        buf_puts(b, "\n\t");
        add_escaped(b, c->why_not);
        buf_puts(b, "\n\n");
    }
}

static void write_program(const struct pages *p)
{
    autobuf struct buf b = {0};

    begin_page(&b, "berth", 1, "run and look after containers");
    buf_puts(&b, "# SYNOPSIS\n\n*berth* \\[OPTIONS\\] COMMAND\n\n");
    add_prose(&b, p, "berth", "A container engine's command line.");
    add_options(&b, cli_global_flags());
    add_command_list(&b);
    add_refused_commands(&b);
    buf_puts(&b, "# SEE ALSO\n\n*berthd*(8), *berth-daemon.json*(5), *berth-keeper*(8)\n");
    end_page(p, &b, "berth", 1);
}

static void write_daemon(const struct pages *p)
{
    autobuf struct buf b = {0};

    begin_page(&b, "berthd", 8, "the berth container engine");
    buf_puts(&b, "# SYNOPSIS\n\n*berthd* \\[OPTIONS\\]\n\n");
    add_prose(&b, p, "berthd", "The engine.");
    add_options(&b, settings_flags);
    add_reasons(&b, "# OPTIONS OF DOCKERD THAT HAVE NO EFFECT\n\nEach is said in the log.\n\n",
                settings_flags, 0);
    buf_puts(&b, "# SEE ALSO\n\n*berth*(1), *berth-daemon.json*(5), *berth-keeper*(8)\n");
    end_page(p, &b, "berthd", 8);
}

static const char *json_type_of(const struct flag *f)
{
    switch (f->type) {
    case FLAG_BOOL:
        return "true or false";
    case FLAG_LIST:
        return "list of strings";
    case FLAG_MAP:
        return "object of strings";
    case FLAG_TEXT:
    case FLAG_PATH:
        return "string";
    default:
        return "number";
    }
}

static void add_keys(struct buf *b)
{
    buf_puts(b, "# KEYS\n\n");
    for (const struct flag *f = settings_flags; f->name; f++) {
        if (!f->key)
            continue;
        buf_putc(b, '*');
        add_escaped(b, f->key);
        buf_printf(b, "* (%s)\n\t", json_type_of(f));
        if (f->help && *f->help)
            add_escaped(b, f->help);
        else
            buf_puts(b, "Has no effect: ");
        if (f->remark) {
            buf_puts(b, f->help && *f->help ? ". Has no effect: " : "");
            add_escaped(b, f->remark);
        }
        buf_puts(b, "\n\n");
    }
}

static void write_config(const struct pages *p)
{
    autobuf struct buf b = {0};

    begin_page(&b, "berth-daemon.json", 5, "configuration of the berth container engine");
    add_prose(&b, p, "berth-daemon.json", "The configuration file.");
    add_keys(&b);
    buf_puts(&b, "# SEE ALSO\n\n*berthd*(8)\n");
    end_page(p, &b, "berth-daemon.json", 5);
}

static void write_keeper(const struct pages *p)
{
    autobuf struct buf b = {0};

    begin_page(&b, "berth-keeper", 8, "the parent of all containers of an engine");
    add_prose(&b, p, "berth-keeper", "Started by the engine.");
    buf_puts(&b, "# SEE ALSO\n\n*berthd*(8)\n");
    end_page(p, &b, "berth-keeper", 8);
}

void write_pages(const char *prose_dir, const char *out_dir)
{
    struct pages p = {.prose_dir = prose_dir, .out_dir = out_dir};

    for (const struct command *c = commands; c->name; c++) {
        if (!c->run)
            continue;
        if (is_another_name(c))
            write_link(&p, c);
        else
            write_command(&p, c);
    }
    write_program(&p);
    write_daemon(&p);
    write_config(&p);
    write_keeper(&p);
}
