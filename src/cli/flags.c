/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flag parsing after pflag's rules: --name value, --name=value, -n value, -nvalue, -n=value, -abc
 * for booleans, "--" ends. Trap: a boolean never takes the next word as its value, only "=value".
 */
#include "flags.h"

#include "base/clock.h"

#include <string.h>

static const struct flag *find_name(const struct flag *flags, const char *name, size_t len)
{
    for (const struct flag *f = flags; f && f->name; f++)
        if (strlen(f->name) == len && memcmp(f->name, name, len) == 0)
            return f;
    return NULL;
}

static const struct flag *find_letter(const struct flag *flags, char letter)
{
    for (const struct flag *f = flags; f && f->name; f++)
        if (f->letter == letter)
            return f;
    return NULL;
}

static struct err *bad_value(const struct flag *f, const char *value, const char *why)
{
    if (f->letter)
        return err_new(ERR_INVALID, "invalid argument \"%s\" for \"-%c, --%s\" flag: %s", value,
                       f->letter, f->name, why);
    return err_new(ERR_INVALID, "invalid argument \"%s\" for \"--%s\" flag: %s", value, f->name,
                   why);
}

static bool parse_bool(const char *s, bool *out)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
            *out = strcmp(s, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* Up to nine fraction digits, exactly: 1.5 CPUs are 1500000000. */
static bool parse_cpus(const char *s, int64_t *out)
{
    const char *dot = strchr(s, '.');
    size_t whole_len = dot ? (size_t)(dot - s) : strlen(s);
    size_t fraction_len = dot ? strlen(dot + 1) : 0;
    char whole[16] = "0", fraction[10] = "000000000";
    int64_t cpus, billionths;

    if (whole_len >= sizeof(whole) || fraction_len > 9 || !s[0] || (whole_len + fraction_len == 0))
        return false;
    if (whole_len)
        memcpy(whole, s, whole_len + 1);
    if (whole_len)
        whole[whole_len] = '\0';
    if (dot)
        memcpy(fraction, dot + 1, fraction_len);
    if (!text_to_i64(whole, &cpus) || !text_to_i64(fraction, &billionths) || cpus < 0 ||
        cpus > 1000000 || billionths < 0)
        return false;
    *out = cpus * NS_PER_S + billionths;
    return true;
}

static struct err *parse_number(struct arena *a, const struct flag *f, const char *value,
                                struct number *out)
{
    int64_t v = 0;

    switch (f->type) {
    case FLAG_SWAP:
    case FLAG_BYTES:
        if (f->type == FLAG_SWAP && strcmp(value, "-1") == 0)
            v = -1;
        else if (!text_to_bytes(value, &v))
            return bad_value(f, value, arena_printf(a, "invalid size: '%s'", value));
        break;
    case FLAG_CPUS:
        if (!parse_cpus(value, &v))
            return bad_value(f, value,
                             arena_printf(a, "failed to parse %s as a rational number", value));
        break;
    case FLAG_DURATION:
        if (!clock_from_duration(value, &v))
            return bad_value(f, value, arena_printf(a, "time: invalid duration \"%s\"", value));
        break;
    default:
        if (!text_to_i64(value, &v))
            return bad_value(
                f, value,
                arena_printf(a, "strconv.ParseInt: parsing \"%s\": invalid syntax", value));
    }
    *out = (struct number){.value = v, .is_set = true};
    return NULL;
}

static struct err *store(struct arena *a, struct flag_parse *p, const struct flag *f,
                         const char *value)
{
    void *at = (char *)p->options + f->offset;

    switch (f->type) {
    case FLAG_BOOL:
        if (!parse_bool(value, at))
            return bad_value(
                f, value,
                arena_printf(a, "strconv.ParseBool: parsing \"%s\": invalid syntax", value));
        return NULL;
    case FLAG_TEXT:
        *(char **)at = arena_strdup(a, value);
        return NULL;
    case FLAG_LIST:
        strs_add(a, at, value);
        return NULL;
    default:
        return parse_number(a, f, value, at);
    }
}

struct words {
    char **v;
    size_t n, at;
};

static struct err *take_long(struct arena *a, struct flag_parse *p, const char *word,
                             struct words *rest)
{
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const struct flag *f = find_name(p->flags, name, len);

    if (!len || name[0] == '-')
        return err_new(ERR_INVALID, "bad flag syntax: %s", word);
    if (!f && len == 4 && memcmp(name, "help", 4) == 0) {
        p->wants_help = true;
        return NULL;
    }
    if (!f)
        return err_new(ERR_INVALID, "unknown flag: --%.*s", (int)len, name);
    if (name[len] == '=')
        return store(a, p, f, name + len + 1);
    if (f->type == FLAG_BOOL)
        return store(a, p, f, "true");
    if (rest->at >= rest->n)
        return err_new(ERR_INVALID, "flag needs an argument: --%s", f->name);
    return store(a, p, f, rest->v[rest->at++]);
}

static struct err *take_letters(struct arena *a, struct flag_parse *p, const char *word,
                                struct words *rest)
{
    for (const char *s = word + 1; *s; s++) {
        const struct flag *f = find_letter(p->flags, *s);

        if (!f && *s == 'h') {
            p->wants_help = true;
            return NULL;
        }
        if (!f)
            return err_new(ERR_INVALID, "unknown shorthand flag: '%c' in %s", *s, word);
        if (f->type == FLAG_BOOL && s[1] != '=') {
            TRY(store(a, p, f, "true"));
            continue;
        }
        if (s[1])
            return store(a, p, f, s[1] == '=' ? s + 2 : s + 1);
        if (rest->at >= rest->n)
            return err_new(ERR_INVALID, "flag needs an argument: '%c' in %s", *s, word);
        return store(a, p, f, rest->v[rest->at++]);
    }
    return NULL;
}

static void take_rest(struct arena *a, struct flag_parse *p, struct words *rest)
{
    while (rest->at < rest->n)
        strs_add(a, &p->args, rest->v[rest->at++]);
}

struct err *flags_parse(struct arena *a, struct flag_parse *p, char **argv, size_t n)
{
    struct words rest = {.v = argv, .n = n};

    for (const struct flag *f = p->flags; f && f->name; f++)
        if (f->type == FLAG_BOOL && f->is_on)
            *(bool *)((char *)p->options + f->offset) = true;
    while (rest.at < rest.n && !p->wants_help) {
        const char *word = rest.v[rest.at++];

        if (strcmp(word, "--") == 0) {
            take_rest(a, p, &rest);
        } else if (text_starts(word, "--")) {
            TRY(take_long(a, p, word, &rest));
        } else if (word[0] == '-' && word[1]) {
            TRY(take_letters(a, p, word, &rest));
        } else {
            strs_add(a, &p->args, word);
            if (p->options_first)
                take_rest(a, p, &rest);
        }
    }
    return NULL;
}
