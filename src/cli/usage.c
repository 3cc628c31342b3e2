/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts, laid out as Docker's, made from the tables of commands and flags. */
#include "usage.h"

#include "tty.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *help;
} groups[] = {
    {"container", "Manage containers"}, {"image", "Manage images"},
    {"network", "Manage networks"},     {"system", "Manage berth"},
    {"volume", "Manage volumes"},
};

static size_t screen_width(void)
{
    unsigned rows, columns;

    return tty_size(STDOUT_FILENO, &rows, &columns) && columns > 40 ? columns : 80;
}

void usage_command(const struct command *c)
{
    autobuf struct buf b = {0};

    buf_printf(&b, "\nUsage:  berth %s\n\n%s\n", c->usage, c->help);
    if (c->flags && c->flags[0].name) {
        buf_puts(&b, "\nOptions:\n");
        flags_help(&b, c->flags, screen_width());
    }
    cli_print(b.data, b.len);
}

bool usage_group(const char *name, bool is_wrong)
{
    autobuf struct buf b = {0};
    size_t len = strlen(name), group = ARRAY_LEN(groups);

    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        if (strcmp(groups[i].name, name) == 0)
            group = i;
    if (group == ARRAY_LEN(groups))
        return false;
    buf_printf(&b, "\nUsage:  berth %s COMMAND\n\n%s\n\nCommands:\n", name, groups[group].help);
    for (const struct command *c = commands; c->name; c++)
        if (strncmp(c->name, name, len) == 0 && c->name[len] == ' ' && c->run && !c->alias_of_name)
            buf_printf(&b, "  %-11s %s\n", c->name + len + 1, c->help);
    buf_printf(&b, "\nRun 'berth %s COMMAND --help' for more information on a command.\n", name);
    if (is_wrong)
        fprintf(stderr, "%s", b.data);
    else
        cli_print(b.data, b.len);
    return true;
}

void usage_program(void)
{
    autobuf struct buf b = {0};

    buf_puts(&b, "\nUsage:  berth [OPTIONS] COMMAND\n\nA container engine\n\nOptions:\n");
    flags_help(&b, cli_global_flags(), screen_width());
    buf_puts(&b, "\nManagement Commands:\n");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        buf_printf(&b, "  %-11s %s\n", groups[i].name, groups[i].help);
    buf_puts(&b, "\nCommands:\n");
    for (const struct command *c = commands; c->name; c++)
        if (!strchr(c->name, ' ') && c->run)
            buf_printf(&b, "  %-11s %s\n", c->name, c->help);
    buf_puts(&b, "\nRun 'berth COMMAND --help' for more information on a command.\n");
    cli_print(b.data, b.len);
}
