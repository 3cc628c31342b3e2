/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Platforms of images. Pure, any thread. A machine also runs what its older
 * relatives run, so a choice is a rank, not an equality: amd64 takes 386 when
 * there is nothing better, arm/v7 takes v6 and v5, arm64 takes 32-bit arm.
 */
#include "platform.h"

#include "base/text.h"

#include <string.h>
#include <sys/utsname.h>

enum { FAMILY_STEP = 16 }; /* a relative architecture is worse than any variant of one's own */

static const struct arch_name {
    const char *given, *arch, *variant;
} arch_names[] = {
    {"x86_64", "amd64", NULL}, {"x86-64", "amd64", NULL},    {"aarch64", "arm64", NULL},
    {"armv8l", "arm", "v8"},   {"armhf", "arm", "v7"},       {"armel", "arm", "v6"},
    {"armv7l", "arm", "v7"},   {"armv6l", "arm", "v6"},      {"armv5l", "arm", "v5"},
    {"i386", "386", NULL},     {"i486", "386", NULL},        {"i586", "386", NULL},
    {"i686", "386", NULL},     {"ppc64el", "ppc64le", NULL}, {"mips64el", "mips64le", NULL},
};

/* containerd's rules (platforms.Normalize), which clients and registries follow. */
void platform_normalise(struct arena *a, struct platform *p)
{
    p->os = arena_strdup(a, text_is_empty(p->os) ? "linux" : p->os);
    p->arch = arena_strdup(a, p->arch ? p->arch : "");
    p->variant = arena_strdup(a, p->variant ? p->variant : "");
    text_lower(p->os);
    text_lower(p->arch);
    text_lower(p->variant);
    for (size_t i = 0; i < ARRAY_LEN(arch_names); i++)
        if (!strcmp(p->arch, arch_names[i].given)) {
            if (!*p->variant && arch_names[i].variant)
                p->variant = arena_strdup(a, arch_names[i].variant);
            p->arch = arena_strdup(a, arch_names[i].arch);
            break;
        }
    if (text_is_hex(p->variant, 1) && !p->variant[1] && *p->variant <= '9')
        p->variant = arena_printf(a, "v%s", p->variant);
    if (!strcmp(p->arch, "arm") && !*p->variant)
        p->variant = arena_strdup(a, "v7");
    if ((!strcmp(p->arch, "arm64") && !strcmp(p->variant, "v8")) ||
        (!strcmp(p->arch, "amd64") && !strcmp(p->variant, "v1")))
        p->variant = arena_strdup(a, "");
}

static void host_platform(struct arena *a, struct platform *out)
{
    struct utsname u;

    *out = (struct platform){0};
    if (uname(&u) == 0)
        out->arch = arena_strdup(a, u.machine);
    platform_normalise(a, out);
}

static bool is_word(const char *s)
{
    for (; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", *s))
            return false;
    return true;
}

struct err *platform_parse(struct arena *a, const char *text, struct platform *out)
{
    struct platform p = {0};
    struct strs parts;

    host_platform(a, out);
    if (text_is_empty(text))
        return NULL;
    parts = text_split(a, text, '/');
    for (size_t i = 0; i < parts.n; i++)
        if (!*parts.v[i] || !is_word(parts.v[i]))
            parts.n = 0;
    if (parts.n == 0 || parts.n > 3)
        return err_new(ERR_INVALID, "\"%s\" is an invalid platform: want os/architecture[/variant]",
                       text);
    if (parts.n == 1 && !strcmp(parts.v[0], "linux"))
        return NULL;
    p.os = parts.n > 1 ? parts.v[0] : NULL;
    p.arch = parts.n > 1 ? parts.v[1] : parts.v[0];
    p.variant = parts.n > 2 ? parts.v[2] : NULL;
    platform_normalise(a, &p);
    *out = p;
    return NULL;
}

/* "v7" is 7; no variant or a strange one is 0. */
static int level(const char *variant)
{
    return variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9' && !variant[2]
               ? variant[1] - '0'
               : 0;
}

/* Rank among variants that build on each other: the highest not above ours is best. */
static int rank_level(int want, int offer)
{
    return offer > want ? -1 : want - offer;
}

/* What the kernel runs besides its own: 32-bit programs of the same family. */
static int rank_family(const struct platform *want, const struct platform *offer)
{
    ASSERT(want->arch && offer->arch);
    if (!strcmp(want->arch, "amd64") && !strcmp(offer->arch, "386"))
        return FAMILY_STEP;
    if (!strcmp(want->arch, "arm64") && !strcmp(offer->arch, "arm"))
        return FAMILY_STEP + rank_level(8, level(offer->variant));
    return -1;
}

int platform_rank(const struct platform *want, const struct platform *offer)
{
    if (strcmp(want->os, offer->os) != 0)
        return -1;
    if (strcmp(want->arch, offer->arch) != 0)
        return rank_family(want, offer);
    if (!strcmp(want->variant, offer->variant))
        return 0;
    if (!strcmp(want->arch, "arm"))
        return rank_level(level(want->variant), level(offer->variant));
    if (!strcmp(want->arch, "amd64") || !strcmp(want->arch, "arm64")) {
        int base = !strcmp(want->arch, "amd64") ? 1 : 8;
        int have = *want->variant ? level(want->variant) : base;
        int need = *offer->variant ? level(offer->variant) : base;

        return rank_level(have, need);
    }
    return *offer->variant ? -1 : 1;
}

char *platform_text(struct arena *a, const struct platform *p)
{
    return arena_printf(a, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "", p->variant);
}

struct err *platform_check(struct arena *a, const char *reference, const struct platform *want,
                           const struct platform *is)
{
    struct platform p = *is;

    if (text_is_empty(p.arch))
        return NULL;
    platform_normalise(a, &p);
    if (platform_rank(want, &p) >= 0)
        return NULL;
    return err_new(ERR_NOT_FOUND,
                   "image with reference %s was found but does not match the specified platform: "
                   "wanted %s, actual: %s",
                   reference, platform_text(a, want), platform_text(a, &p));
}
