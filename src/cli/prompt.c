/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt.h"

#include "base/fd.h"

#include "cli.h"
#include "tty.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 65536 };

/* Byte by byte: what follows the line is the next question's. */
static struct err *read_line(struct arena *a, char **out)
{
    autobuf struct buf b = {0};
    char c;

    for (;;) {
        ssize_t n = read(STDIN_FILENO, &c, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys("read standard input");
        if (n == 0 && b.len == 0)
            return err_new(ERR_INVALID, "nothing was entered");
        if (n == 0 || c == '\n')
            break;
        if (b.len == LINE_MAX_BYTES)
            return err_new(ERR_INVALID, "a line of more than %d bytes", LINE_MAX_BYTES);
        buf_putc(&b, c);
    }
    *out = arena_strndup(a, b.data ? b.data : "", b.len);
    (*out)[strcspn(*out, "\r")] = '\0';
    return NULL;
}

struct err *prompt_line(struct cli *cli, const char *text, bool hides, char **out)
{
    struct err *e;

    cli_printf("%s", text);
    if (!hides)
        return read_line(cli->arena, out);
    TRY(tty_hide_input(STDIN_FILENO));
    e = read_line(cli->arena, out);
    tty_restore();
    cli_printf("\n");
    return e;
}

struct err *prompt_pipe(struct cli *cli, char **out)
{
    size_t len;

    TRY(file_read_fd(cli->arena, STDIN_FILENO, LINE_MAX_BYTES, out, &len));
    if (strlen(*out) != len)
        return err_new(ERR_INVALID, "there is a NUL in the password");
    if (len && (*out)[len - 1] == '\n')
        (*out)[--len] = '\0';
    if (len && (*out)[len - 1] == '\r')
        (*out)[--len] = '\0';
    return NULL;
}
