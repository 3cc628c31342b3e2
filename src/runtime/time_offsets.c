/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A time namespace shifts two clocks for a container: "monotonic", and "boottime", which is what
 * uptime shows. The kernel takes seconds rounded down and nanoseconds above them
 * (time_namespaces(7)).
 */
#include "time_offsets.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_MAX 4000000000LL /* the kernel's bound is a little above */
#define NS_DIGITS 9

static const struct clock {
    const char *name;
    clockid_t id;
} clocks[] = {{"monotonic", CLOCK_MONOTONIC}, {"boottime", CLOCK_BOOTTIME}};

static const struct clock *clock_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(clocks); i++)
        if (!strcmp(clocks[i].name, name))
            return &clocks[i];
    return NULL;
}

/* "-5.25" → -6 s and 750,000,000 ns */
static bool offset_parse(struct arena *a, const char *text, int64_t *out_s, int64_t *out_ns)
{
    bool is_negative = *text == '-';
    char *whole = arena_strdup(a, text + is_negative), *point = strchr(whole, '.');
    size_t n = point ? strlen(point + 1) : 0;
    uint32_t part = 0, seconds;

    if (point)
        *point = '\0';
    if (!text_to_u32(whole, &seconds) || seconds > SECONDS_MAX || n > NS_DIGITS ||
        (point && !text_to_u32(point + 1, &part)))
        return false;
    *out_ns = part;
    for (; n < NS_DIGITS; n++)
        *out_ns *= 10;
    *out_s = seconds;
    if (is_negative) {
        *out_s = -*out_s - (*out_ns != 0);
        *out_ns = *out_ns ? 1000000000 - *out_ns : 0;
    }
    return true;
}

static struct err *check_beginning(const struct clock *c, int64_t seconds, const char *text)
{
    struct timespec now;

    if (clock_gettime(c->id, &now) == 0 && now.tv_sec + seconds < 0)
        return err_new(ERR_INVALID,
                       "time offset %s=%s is before the clock's beginning: it shows %lld s now",
                       c->name, text, (long long)now.tv_sec);
    return NULL;
}

struct err *time_offsets_text(struct arena *a, const struct host_config *h, char **out)
{
    struct strs lines = {0};

    if (h->time_offsets.n && access("/proc/self/ns/time", F_OK) != 0)
        return err_new(ERR_INVALID, "this kernel has no time namespaces (CONFIG_TIME_NS)");
    for (size_t i = 0; i < h->time_offsets.n; i++) {
        const struct pair *p = &h->time_offsets.v[i];
        const struct clock *c = clock_find(p->key);
        int64_t s, ns;

        if (!c)
            return err_new(ERR_INVALID,
                           "invalid time offset %.64s: the clocks of a time namespace are "
                           "monotonic and boottime",
                           p->key);
        if (!offset_parse(a, p->value, &s, &ns))
            return err_new(ERR_INVALID,
                           "invalid time offset %s=%.64s: it is a number of seconds, as in 3600 "
                           "or -0.5",
                           p->key, p->value);
        TRY(check_beginning(c, s, p->value));
        strs_add(a, &lines,
                 arena_printf(a, "%s %lld %lld\n", c->name, (long long)s, (long long)ns));
    }
    *out = strs_join(a, &lines, "");
    return NULL;
}
