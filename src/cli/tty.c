/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw mode and hidden input of the terminal. The saved state is the one mutable global of the
 * program: signal handlers and atexit need it. tcsetattr is async-signal-safe.
 */
#include "tty.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t raw_fd = -1;

void tty_restore(void)
{
    int fd = raw_fd;

    if (fd < 0)
        return;
    raw_fd = -1;
    tcsetattr(fd, TCSADRAIN, &saved);
}

static void on_fatal(int number)
{
    tty_restore();
    raise(number); /* SA_RESETHAND: now the default action */
}

static void catch_fatal(void)
{
    static const int fatal[] = {SIGHUP,  SIGINT, SIGQUIT, SIGTERM, SIGABRT,
                                SIGSEGV, SIGBUS, SIGILL,  SIGFPE};
    struct sigaction act = {.sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_NODEFER};

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        sigaction(fatal[i], &act, NULL);
    atexit(tty_restore);
}

/* Remembers how it is. */
static struct err *begin(int fd)
{
    static bool is_caught;

    if (tcgetattr(fd, &saved) < 0)
        return err_sys("read the terminal's mode");
    if (!is_caught)
        catch_fatal();
    is_caught = true;
    raw_fd = fd;
    return NULL;
}

struct err *tty_make_raw(int fd)
{
    struct termios raw;

    TRY(begin(fd));
    raw = saved;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
        return err_sys("set the terminal to raw mode");
    return NULL;
}

/* What was typed before the question may have been meant for it: it is not dropped. */
struct err *tty_hide_input(int fd)
{
    struct termios quiet;

    TRY(begin(fd));
    quiet = saved;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(fd, TCSADRAIN, &quiet) < 0)
        return err_sys("hide what is typed");
    return NULL;
}

bool tty_size(int fd, unsigned *out_rows, unsigned *out_columns)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return false;
    *out_rows = size.ws_row;
    *out_columns = size.ws_col;
    return true;
}
