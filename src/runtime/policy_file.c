/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy file: JSON, read exactly. What is not known is refused with its place, since a rule
 * that is misspelt would forbid nothing.
 */
#include "runtime/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/json.h"

#include "caps.h"
#include "policy_rules.h"

#define TEXT_MAX 4096
#define NAME_MAX_BYTES 64
#define NSS_ROOM (64u << 10)

struct reader {
    struct arena *a;
    const struct json *root;
    size_t lines_before; /* the root */
    char *nss_room;      /* one for all names: a file may have thousands */
};

static struct err *refuse(const struct reader *r, const struct json *j, const char *place,
                          const char *fmt, ...) must_check never_null like_printf(4, 5);

static struct err *refuse(const struct reader *r, const struct json *j, const char *place,
                          const char *fmt, ...)
{
    va_list ap;
    char *what;

    va_start(ap, fmt);
    what = arena_vprintf(r->a, fmt, ap);
    va_end(ap);
    return err_new(ERR_INVALID, "line %zu: %s: %s", r->lines_before + json_line(r->root, j), place,
                   what);
}

/* ---- texts ---- */

static struct err *read_text(const struct reader *r, const struct json *j, const char *place,
                             const char **out)
{
    const char *s = json_str(j);

    if (!s || !*s)
        return refuse(r, j, place, "must be a string that is not empty");
    if (strlen(s) > TEXT_MAX)
        return refuse(r, j, place, "is longer than %d bytes", TEXT_MAX);
    *out = s;
    return NULL;
}

static struct err *check_list(const struct reader *r, const struct json *j, const char *place)
{
    if (json_type(j) != JSON_ARRAY)
        return refuse(r, j, place, "must be a list of strings");
    if (json_len(j) == 0)
        return refuse(r, j, place, "is empty: leave it out");
    if (json_len(j) > POLICY_ENTRIES_MAX)
        return refuse(r, j, place, "has %zu entries, at most %d work", json_len(j),
                      POLICY_ENTRIES_MAX);
    return NULL;
}

/* ---- users ---- */

static bool find_user(const struct reader *r, const char *name, uint32_t *out)
{
    struct passwd pw, *found = NULL;

    if (getpwnam_r(name, &pw, r->nss_room, NSS_ROOM, &found) != 0 || !found)
        return false;
    *out = pw.pw_uid;
    return true;
}

static bool find_group(const struct reader *r, const char *name, uint32_t *out)
{
    struct group gr, *found = NULL;

    if (getgrnam_r(name, &gr, r->nss_room, NSS_ROOM, &found) != 0 || !found)
        return false;
    *out = gr.gr_gid;
    return true;
}

/* "1000" or "1000-1999"; false: it is no number. */
static bool read_range(struct arena *a, const char *s, struct policy_user *u)
{
    const char *dash = strchr(s, '-');

    if (!dash) {
        if (!text_to_u32(s, &u->from))
            return false;
        u->to = u->from;
        return true;
    }
    return text_to_u32(arena_strndup(a, s, (size_t)(dash - s)), &u->from) &&
           text_to_u32(dash + 1, &u->to);
}

static struct err *read_user(const struct reader *r, const struct json *j, const char *place,
                             struct policy_user *u)
{
    const char *text = NULL, *name;

    TRY(read_text(r, j, place, &text));
    u->is_group = *text == '@';
    name = text + u->is_group;
    if (read_range(r->a, name, u))
        return u->from <= u->to ? NULL : refuse(r, j, place, "\"%s\" is no range", text);
    if (u->is_group ? !find_group(r, name, &u->from) : !find_user(r, name, &u->from))
        return refuse(r, j, place, "there is no %s \"%s\" on this host",
                      u->is_group ? "group" : "user", name);
    u->to = u->from;
    return NULL;
}

static struct err *read_users(const struct reader *r, const struct json *j, const char *place,
                              struct policy_users *out)
{
    size_t at = 0;

    TRY(check_list(r, j, place));
    out->v = arena_array(r->a, json_len(j), sizeof(*out->v));
    for (const struct json *it = json_first(j); it; it = json_next(it), at++) {
        TRY(read_user(r, it, arena_printf(r->a, "%s[%zu]", place, at), &out->v[at]));
        out->n++;
    }
    return NULL;
}

/* ---- deny and allow ---- */

static struct err *read_entry(const struct reader *r, const struct json *j, const char *place,
                              enum policy_kind kind, struct policy_clause *out)
{
    const char *text = NULL;
    int cap;

    TRY(read_text(r, j, place, &text));
    switch (kind) {
    case POLICY_CAPABILITIES:
        cap = caps_number(text);
        if (cap < 0)
            return refuse(r, j, place, "\"%s\" is no capability", text);
        out->capabilities |= CAPS_BIT(cap);
        return NULL;
    case POLICY_RISKS:
        if (!risk_find(text))
            return refuse(r, j, place, "\"%s\" is no risk (they are in docs/SECURITY.md)", text);
        break;
    case POLICY_DEVICES:
    case POLICY_MOUNTS:
        if (*text != '/')
            return refuse(r, j, place, "\"%s\" is no absolute path", text);
        text = path_clean(r->a, text);
        break;
    default:
        break;
    }
    strs_add(r->a, &out->lists[kind], text);
    return NULL;
}

static struct err *read_kind(const struct reader *r, const struct json *j, const char *place,
                             enum policy_kind kind, struct policy_clause *out)
{
    size_t at = 0;

    TRY(check_list(r, j, place));
    out->has[kind] = true;
    for (const struct json *it = json_first(j); it; it = json_next(it), at++)
        TRY(read_entry(r, it, arena_printf(r->a, "%s[%zu]", place, at), kind, out));
    return NULL;
}

static struct err *read_severity(const struct reader *r, const struct json *j, const char *place,
                                 struct policy_clause *out)
{
    enum risk_severity s;

    if (!json_str(j) || !risk_severity_from_text(json_str(j), &s) || s == RISK_NOTE)
        return refuse(r, j, place, "must be \"low\", \"medium\", \"high\" or \"critical\"");
    out->severity = s;
    return NULL;
}

static struct err *read_clause_key(const struct reader *r, const struct json *j, const char *place,
                                   bool is_allow, struct policy_clause *out)
{
    for (size_t kind = 0; kind < POLICY_KINDS; kind++)
        if (strcmp(json_key(j), policy_kinds[kind].key) == 0) {
            if (is_allow && !policy_kinds[kind].may_be_allowed)
                return refuse(r, j, place, "can only be denied");
            return read_kind(r, j, place, (enum policy_kind)kind, out);
        }
    if (strcmp(json_key(j), "severity") == 0 && !is_allow)
        return read_severity(r, j, place, out);
    return refuse(r, j, place, "unknown key");
}

/* Go's JSON takes the last of equal keys; here the first one would be forgotten. */
static struct err *check_object(const struct reader *r, const struct json *j, const char *place)
{
    if (json_type(j) != JSON_OBJECT)
        return refuse(r, j, place, "must be an object");
    for (const struct json *x = json_first(j); x; x = json_next(x))
        for (const struct json *y = json_next(x); y; y = json_next(y))
            if (strcmp(json_key(x), json_key(y)) == 0)
                return refuse(r, y, place, "the key \"%s\" is there twice", json_key(x));
    return NULL;
}

#define KEYS_MAX 16 /* more than there are: the look for equal ones is quadratic */

static struct err *check_few_keys(const struct reader *r, const struct json *j, const char *place)
{
    if (json_type(j) == JSON_OBJECT && json_len(j) > KEYS_MAX)
        return refuse(r, j, place, "has %zu keys", json_len(j));
    return check_object(r, j, place);
}

static struct err *read_clause(const struct reader *r, const struct json *j, const char *place,
                               bool is_allow, struct policy_clause *out)
{
    TRY(check_few_keys(r, j, place));
    if (json_len(j) == 0)
        return refuse(r, j, place, "is empty: leave it out");
    for (const struct json *it = json_first(j); it; it = json_next(it))
        TRY(read_clause_key(r, it, arena_printf(r->a, "%s.%s", place, json_key(it)), is_allow,
                            out));
    return NULL;
}

/* ---- rules ---- */

static struct err *read_name(const struct reader *r, const struct json *j, const char *place,
                             char **out)
{
    const char *text = NULL;

    TRY(read_text(r, j, place, &text));
    if (strlen(text) > NAME_MAX_BYTES)
        return refuse(r, j, place, "is longer than %d bytes", NAME_MAX_BYTES);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return refuse(r, j, place, "has control characters");
    *out = arena_strdup(r->a, text);
    return NULL;
}

static struct err *read_rule_key(const struct reader *r, const struct json *j, const char *place,
                                 struct policy_rule *out)
{
    const char *key = json_key(j);

    if (strcmp(key, "name") == 0)
        return read_name(r, j, place, &out->name);
    if (strcmp(key, "users") == 0)
        return read_users(r, j, place, &out->users);
    if (strcmp(key, "except") == 0)
        return read_users(r, j, place, &out->except);
    if (strcmp(key, "deny") == 0)
        return read_clause(r, j, place, false, &out->deny);
    if (strcmp(key, "allow") == 0)
        return read_clause(r, j, place, true, &out->allow);
    return refuse(r, j, place, "unknown key: it is name, users, except, deny or allow");
}

static struct err *read_rule(const struct reader *r, const struct json *j, const char *place,
                             struct policy_rule *out)
{
    *out = (struct policy_rule){0};
    TRY(check_few_keys(r, j, place));
    for (const struct json *it = json_first(j); it; it = json_next(it))
        TRY(read_rule_key(r, it, arena_printf(r->a, "%s.%s", place, json_key(it)), out));
    if (!out->name)
        return refuse(r, j, place, "has no name");
    if (!json_get(j, "deny") && !json_get(j, "allow"))
        return refuse(r, j, place, "neither denies nor allows anything");
    return NULL;
}

static struct err *read_rules(const struct reader *r, const struct json *rules, struct policy *p)
{
    size_t at = 0;

    if (json_type(rules) != JSON_ARRAY)
        return refuse(r, rules ? rules : r->root, "rules", "must be a list of rules");
    if (json_len(rules) > POLICY_RULES_MAX)
        return refuse(r, rules, "rules", "there are %zu, at most %d work", json_len(rules),
                      POLICY_RULES_MAX);
    p->rules = arena_array(p->arena, json_len(rules) + 1, sizeof(*p->rules));
    for (const struct json *it = json_first(rules); it; it = json_next(it), at++) {
        TRY(read_rule(r, it, arena_printf(r->a, "rules[%zu]", at), &p->rules[at]));
        for (size_t i = 0; i < at; i++)
            if (strcmp(p->rules[i].name, p->rules[at].name) == 0)
                return refuse(r, it, arena_printf(r->a, "rules[%zu]", at),
                              "another rule is named \"%s\"", p->rules[at].name);
        p->n_rules++;
    }
    return NULL;
}

static struct err *read_policy(const char *text, size_t len, struct policy *p)
{
    struct reader r = {.a = p->arena, .lines_before = 1};

    r.nss_room = arena_alloc(p->arena, NSS_ROOM);
    if (len > POLICY_BYTES_MAX)
        return err_new(ERR_INVALID, "it has %zu bytes, at most %u work", len, POLICY_BYTES_MAX);
    TRY(json_parse(p->arena, text, len, &r.root));
    for (size_t i = 0; i < len && strchr(" \t\r\n", text[i]) && text[i]; i++)
        r.lines_before += text[i] == '\n';
    TRY(check_few_keys(&r, r.root, "the file"));
    for (const struct json *it = json_first(r.root); it; it = json_next(it))
        if (strcmp(json_key(it), "rules") != 0)
            return refuse(&r, it, json_key(it), "unknown key: it is rules");
    return read_rules(&r, json_get(r.root, "rules"), p);
}

struct err *policy_parse(const char *text, size_t len, struct policy **out)
{
    struct arena *a = arena_create();
    struct policy *p = arena_new(a, struct policy);
    struct err *err;

    p->arena = a;
    p->refs = 1;
    err = read_policy(text, len, p);
    if (err)
        policy_unref(p);
    else
        *out = p;
    return err;
}

struct err *policy_read(const char *path, struct policy **out)
{
    autoarena struct arena *a = arena_create();
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct err *err;
    struct stat st;
    char *text;
    size_t len;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_wrap(err_sys("open it"), "policy %s", path);
    if (!S_ISREG(st.st_mode))
        return err_new(ERR_INVALID, "policy %s: it is no regular file", path);
    if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return err_new(ERR_INVALID,
                       "policy %s: others than root may write it: chown root, chmod go-w", path);
    err = file_read_fd(a, fd, POLICY_BYTES_MAX, &text, &len);
    if (!err)
        err = policy_parse(text, len, out);
    return err ? err_wrap(err_as(err, ERR_INVALID), "policy %s", path) : NULL;
}
