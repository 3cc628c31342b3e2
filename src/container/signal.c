/* SPDX-License-Identifier: Apache-2.0 */
/* Signals by name and number, as `kill` and STOPSIGNAL take them. Pure. */
#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "base/text.h"
#include "container/object.h"
#include "container/process.h"

static const struct {
    const char *name;
    int number;
} names[] = {
    {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},       {"CHLD", SIGCHLD},
    {"CLD", SIGCHLD},  {"CONT", SIGCONT}, {"FPE", SIGFPE},       {"HUP", SIGHUP},
    {"ILL", SIGILL},   {"INT", SIGINT},   {"IO", SIGIO},         {"IOT", SIGIOT},
    {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGPOLL},     {"PROF", SIGPROF},
    {"PWR", SIGPWR},   {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},     {"STKFLT", SIGSTKFLT},
    {"STOP", SIGSTOP}, {"SYS", SIGSYS},   {"TERM", SIGTERM},     {"TRAP", SIGTRAP},
    {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},
    {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH},
    {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
};

#define RT_MIN 34 /* the kernel's numbers as containers see them; libc keeps 32 and 33 */
#define RT_MAX 64

static bool parse_realtime(const char *s, int *out)
{
    uint32_t offset = 0;
    bool from_max = text_starts(s, "RTMAX");

    if (!from_max && !text_starts(s, "RTMIN"))
        return false;
    s += 5;
    if (*s &&
        (*s != (from_max ? '-' : '+') || !text_to_u32(s + 1, &offset) || offset > RT_MAX - RT_MIN))
        return false;
    *out = from_max ? RT_MAX - (int)offset : RT_MIN + (int)offset;
    return true;
}

struct err *signal_parse(const char *s, int *out)
{
    char upper[24];
    const char *name = upper;
    uint32_t number;
    size_t n = strlen(s);

    if (text_to_u32(s, &number) && number >= 1 && number <= RT_MAX) {
        *out = (int)number;
        return NULL;
    }
    if (n == 0 || n >= sizeof(upper))
        return err_new(ERR_INVALID, "Invalid signal: %s", s);
    for (size_t i = 0; i <= n; i++)
        upper[i] = (char)toupper((unsigned char)s[i]);
    if (text_starts(name, "SIG"))
        name += 3;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            *out = names[i].number;
            return NULL;
        }
    }
    if (parse_realtime(name, out))
        return NULL;
    return err_new(ERR_INVALID, "Invalid signal: %s", s);
}

const char *container_stop_signal(const struct container *c)
{
    return text_is_empty(c->doc.config.stop_signal) ? "SIGTERM" : c->doc.config.stop_signal;
}
