/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts, laid out as Docker's, made from the tables of commands and flags. */
#include "usage.h"

#include "base/fd.h"

#include "tty.h"

#include <string.h>

static const struct {
    const char *name, *help;
} groups[] = {
    {"builder", "Manage builds"},
    {"checkpoint", "Manage checkpoints"},
    {"container", "Manage containers"},
    {"context", "Manage contexts"},
    {"image", "Manage images"},
    {"manifest", "Manage Docker image manifests and manifest lists"},
    {"network", "Manage networks"},
    {"policy", "Look at policies"},
    {"system", "Manage berth"},
    {"volume", "Manage volumes"},
};

#define CONTINUED 4 /* indent of a line that goes on */

static size_t screen_width(void)
{
    unsigned rows, columns;

    return tty_size(STDOUT_FILENO, &rows, &columns) && columns >= 30 ? columns : 80;
}

/* Lines that a narrow screen would break within a word are broken between two. */
static void print_fitted(int fd, const char *text)
{
    size_t width = screen_width() - 1, indent = 0;
    autobuf struct buf b = {0};

    while (*text) {
        size_t len = strcspn(text, "\n"), room = width - indent, cut = len;

        if (len > room) {
            cut = room;
            while (cut > 0 && text[cut] != ' ')
                cut--;
            cut = cut && strspn(text, " ") < cut ? cut : len;
        }
        buf_printf(&b, "%*s%.*s\n", (int)indent, "", (int)cut, text);
        text += cut + (text[cut] != '\0');
        indent = cut < len ? CONTINUED : 0;
    }
    err_drop(fd_write_all(fd, b.data ? b.data : "", b.len));
}

static bool is_same(const struct command *a, const struct command *b)
{
    return a->run && a->run == b->run && strcmp(a->help, b->help) == 0;
}

/* Docker's order: the group's name, its other names, the short one. */
static void add_aliases(struct buf *b, const struct command *c)
{
    size_t n = 0;

    for (const struct command *k = commands; k->name; k++)
        n += is_same(k, c);
    if (n < 2)
        return;
    buf_puts(b, "\nAliases:\n  ");
    for (int round = 0; round < 3; round++) {
        for (const struct command *k = commands; k->name; k++) {
            int own_round = !strchr(k->name, ' ') ? 2 : k->alias_of_name ? 1 : 0;

            if (own_round == round && is_same(k, c))
                buf_printf(b, "berth %s%s", k->name, --n ? ", " : "\n");
        }
    }
}

void usage_command(const struct command *c)
{
    autobuf struct buf b = {0};

    buf_printf(&b, "Usage:  berth %s\n\n%s\n", c->usage, c->help);
    add_aliases(&b, c);
    if (c->flags && c->flags[0].name) {
        buf_puts(&b, "\nOptions:\n");
        flags_help(&b, c->flags, screen_width() - 1);
    }
    print_fitted(STDOUT_FILENO, b.data);
}

const char *usage_group_help(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        if (strcmp(groups[i].name, name) == 0)
            return groups[i].help;
    return NULL;
}

bool usage_is_group(const char *name)
{
    return usage_group_help(name) != NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct command *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* The commands whose names start with `prefix` and have no further word, by name. */
static void add_commands(struct buf *b, const char *prefix)
{
    const struct command *shown[128];
    size_t n = 0, len = strlen(prefix);

    for (const struct command *c = commands; c->name && n < ARRAY_LEN(shown); c++)
        if (strncmp(c->name, prefix, len) == 0 && !strchr(c->name + len, ' ') && c->run &&
            !c->alias_of_name)
            shown[n++] = c;
    qsort(shown, n, sizeof(*shown), by_name);
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "  %-11s %s\n", shown[i]->name + len, shown[i]->help);
}

void usage_group(const char *name, int fd)
{
    autobuf struct buf b = {0}, prefix = {0};

    buf_printf(&prefix, "%s ", name);
    buf_printf(&b, "Usage:  berth %s COMMAND\n\n%s\n\nCommands:\n", name, usage_group_help(name));
    add_commands(&b, prefix.data);
    buf_printf(&b, "\nRun 'berth %s COMMAND --help' for more information on a command.\n", name);
    print_fitted(fd, b.data);
}

void usage_program(void)
{
    autobuf struct buf b = {0};

    buf_puts(&b, "Usage:  berth [OPTIONS] COMMAND\n\nA container engine\n\nOptions:\n");
    flags_help(&b, cli_global_flags(), screen_width() - 1);
    buf_puts(&b, "\nManagement Commands:\n");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        buf_printf(&b, "  %-11s %s\n", groups[i].name, groups[i].help);
    buf_puts(&b, "\nCommands:\n");
    add_commands(&b, "");
    buf_puts(&b, "\nRun 'berth COMMAND --help' for more information on a command.\n");
    print_fitted(STDOUT_FILENO, b.data);
}
