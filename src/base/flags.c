/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flag parsing after pflag's rules, for the command line and the engine alike: --name value,
 * --name=value, -n value, -nvalue, -n=value, -abc for booleans, "--" ends. Trap: a boolean never
 * takes the next word as its value, only "=value".
 */
#include "base/flags.h"

#include "base/clock.h"
#include "base/fd.h"

#include <limits.h>
#include <string.h>

static const struct flag *find_name(const struct flag *flags, const char *name, size_t len)
{
    for (const struct flag *f = flags; f && f->name; f++)
        if (!(f->bits & FLAG_IN_FILE) && strlen(f->name) == len && memcmp(f->name, name, len) == 0)
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

/* ---- values ---- */

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

static struct err *set_number(const struct flag *f, const char *text, struct number *out)
{
    int64_t v = 0;

    switch (f->type) {
    case FLAG_SWAP:
    case FLAG_BYTES:
        if (f->type == FLAG_SWAP && strcmp(text, "-1") == 0)
            v = -1;
        else if (!text_to_bytes(text, &v))
            return err_new(ERR_INVALID, "invalid size: '%s'", text);
        break;
    case FLAG_CPUS:
        if (!parse_cpus(text, &v))
            return err_new(ERR_INVALID, "failed to parse %s as a rational number", text);
        break;
    case FLAG_DURATION:
        if (!clock_from_duration(text, &v))
            return err_new(ERR_INVALID, "time: invalid duration \"%s\"", text);
        break;
    default:
        if (!text_to_i64(text, &v))
            return err_new(ERR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax", text);
    }
    *out = (struct number){.value = v, .is_set = true};
    return NULL;
}

static struct err *set_int(const struct flag *f, const char *text, int *out)
{
    struct number n;

    TRY(set_number(f, text, &n));
    if (n.value < f->min || n.value > INT_MAX)
        return err_new(ERR_INVALID, "%s is not between %d and %d", text, f->min, INT_MAX);
    *out = (int)n.value;
    return NULL;
}

static struct err *set_bool(const char *text, bool *out)
{
    if (!text_to_bool(text, out))
        return err_new(ERR_INVALID, "strconv.ParseBool: parsing \"%s\": invalid syntax", text);
    return NULL;
}

struct err *flag_set(struct arena *a, const struct flag *f, const char *text, void *options)
{
    void *to = (char *)options + f->offset;
    bool unused;

    if (f->bits & FLAG_IGNORED)
        return f->type == FLAG_BOOL ? set_bool(text, &unused) : NULL;
    switch (f->type) {
    case FLAG_BOOL:
        return set_bool(text, to);
    case FLAG_TEXT:
        *(char **)to = arena_strdup(a, text);
        return NULL;
    case FLAG_PATH:
        return path_absolute(a, text, to);
    case FLAG_LIST:
        strs_add(a, to, text);
        return NULL;
    case FLAG_MAP:
        pairs_set_text(a, to, text);
        return NULL;
    case FLAG_INT:
        return set_int(f, text, to);
    default:
        return set_number(f, text, to);
    }
}

/* ---- words ---- */

static struct err *give(struct arena *a, struct flag_parse *p, const struct flag *f,
                        const char *text)
{
    struct err *e = flag_set(a, f, text, p->options);

    if (e && f->letter)
        return err_wrap(e, "invalid argument \"%s\" for \"-%c, --%s\" flag", text, f->letter,
                        f->name);
    if (e)
        return err_wrap(e, "invalid argument \"%s\" for \"--%s\" flag", text, f->name);
    if (p->given)
        p->given[f - p->flags] = true;
    return NULL;
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
    if (f->bits & FLAG_REFUSED)
        return err_new(ERR_INVALID, "--%s is not supported: %s", f->name, f->remark);
    if (name[len] == '=')
        return give(a, p, f, name + len + 1);
    if (f->type == FLAG_BOOL)
        return give(a, p, f, "true");
    if (rest->at >= rest->n)
        return err_new(ERR_INVALID, "flag needs an argument: --%s", f->name);
    return give(a, p, f, rest->v[rest->at++]);
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
            TRY(give(a, p, f, "true"));
            continue;
        }
        if (s[1])
            return give(a, p, f, s[1] == '=' ? s + 2 : s + 1);
        if (rest->at >= rest->n)
            return err_new(ERR_INVALID, "flag needs an argument: '%c' in %s", *s, word);
        return give(a, p, f, rest->v[rest->at++]);
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
