/* SPDX-License-Identifier: Apache-2.0 */
/* Recursion is bounded by JSON_DEPTH_MAX. */
#include "config_json.h"

#include <string.h>

#define AUTHS "auths"
#define HELPERS "credHelpers"
#define PROXIES "proxies"
#define STORE "credsStore"
#define CURRENT "currentContext"

/* Members of an entry that are a login's; others (an address for mail) stay. */
static const char *const own_members[] = {"auth",     "identitytoken", "registrytoken",
                                          "username", "password",      "serveraddress"};

struct layout {
    struct buf *out;
    unsigned level;
    bool is_filled; /* the object that is open has a member */
};

static void begin_member(struct layout *l, const char *key)
{
    if (l->is_filled)
        buf_putc(l->out, ',');
    buf_putc(l->out, '\n');
    for (unsigned i = 0; i < l->level; i++)
        buf_putc(l->out, '\t');
    if (key) {
        json_quote(l->out, key, strlen(key));
        buf_puts(l->out, ": ");
    }
    l->is_filled = true;
}

static void open_list(struct layout *l, char bracket)
{
    buf_putc(l->out, bracket);
    l->level++;
    l->is_filled = false;
}

static void close_list(struct layout *l, char bracket)
{
    l->level--;
    if (l->is_filled) {
        l->is_filled = false;
        begin_member(l, NULL);
    }
    buf_putc(l->out, bracket);
    l->is_filled = true;
}

static void put_value(struct layout *l, struct arena *a, const struct json *j)
{
    bool is_object = json_type(j) == JSON_OBJECT;

    if (!is_object && json_type(j) != JSON_ARRAY) {
        buf_puts(l->out, json_text(a, j));
        return;
    }
    open_list(l, is_object ? '{' : '[');
    for (const struct json *m = json_first(j); m; m = json_next(m)) {
        begin_member(l, is_object ? json_key(m) : NULL);
        put_value(l, a, m);
    }
    close_list(l, is_object ? '}' : ']');
}

static void put_text(struct layout *l, const char *key, const char *value)
{
    begin_member(l, key);
    json_quote(l->out, value, strlen(value));
}

static bool is_own(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(own_members); i++)
        if (!strcmp(own_members[i], key))
            return true;
    return false;
}

static void put_entry(struct layout *l, struct arena *a, const struct json *old,
                      const struct config_edit *e)
{
    begin_member(l, e->key);
    open_list(l, '{');
    if (e->auth)
        put_text(l, "auth", e->auth);
    if (e->identity)
        put_text(l, "identitytoken", e->identity);
    if (json_type(old) == JSON_OBJECT)
        for (const struct json *m = json_first(old); m; m = json_next(m))
            if (!is_own(json_key(m))) {
                begin_member(l, json_key(m));
                put_value(l, a, m);
            }
    close_list(l, '}');
}

static void put_auths(struct layout *l, struct arena *a, const struct json *auths,
                      const struct config_edit *e)
{
    bool is_set = false;

    open_list(l, '{');
    for (const struct json *m = json_first(auths); m; m = json_next(m)) {
        if (e->key && !strcmp(json_key(m), e->key)) {
            if (!is_set)
                put_entry(l, a, m, e);
            is_set = true;
        } else if (!strs_has(&e->removed, json_key(m))) {
            begin_member(l, json_key(m));
            put_value(l, a, m);
        }
    }
    if (e->key && !is_set)
        put_entry(l, a, NULL, e);
    close_list(l, '}');
}

/* Go takes a key in any case, and the last one of several counts. */
static bool is_current(const char *key)
{
    return strcasecmp(key, CURRENT) == 0;
}

static void put_members(struct layout *l, struct arena *a, const struct json *doc,
                        const struct config_edit *e)
{
    const struct json *auths = json_get(doc, AUTHS), *store = json_get(doc, STORE);
    bool has_context = false;

    for (const struct json *m = json_first(doc); m; m = json_next(m)) {
        bool is_replaced = e->context && is_current(json_key(m));

        if (is_replaced && (has_context || !*e->context))
            continue;
        begin_member(l, json_key(m));
        if (m == auths)
            put_auths(l, a, m, e);
        else if (m == store && e->store)
            json_quote(l->out, e->store, strlen(e->store));
        else if (is_replaced)
            json_quote(l->out, e->context, strlen(e->context));
        else
            put_value(l, a, m);
        has_context |= is_replaced;
    }
    if (!has_context && !text_is_empty(e->context))
        put_text(l, CURRENT, e->context);
    if (!auths && e->key) {
        begin_member(l, AUTHS);
        put_auths(l, a, NULL, e);
    }
    if (!store && e->store)
        put_text(l, STORE, e->store);
}

static bool removes_any(const struct json *auths, const struct config_edit *e)
{
    for (const struct json *m = json_first(auths); m; m = json_next(m))
        if (strs_has(&e->removed, json_key(m)))
            return true;
    return false;
}

static bool changes_context(const struct json *doc, const struct config_edit *e)
{
    const struct json *now = json_get(doc, CURRENT);
    const char *name = json_str(now);

    return e->context && (now || *e->context) && (!name || strcmp(name, e->context) != 0);
}

static bool is_type(const struct json *j, enum json_type type)
{
    return json_type(j) == JSON_NULL || json_type(j) == type;
}

static struct err *check_entries(const struct json *doc, const char *list,
                                 const char *const *members, size_t n)
{
    for (const struct json *m = json_first(json_get(doc, list)); m; m = json_next(m)) {
        if (!is_type(m, JSON_OBJECT))
            return err_new(ERR_INVALID, "the entry \"%s\" of \"%s\" is not an object", json_key(m),
                           list);
        for (size_t i = 0; i < n; i++)
            if (!is_type(json_get(m, members[i]), JSON_STRING))
                return err_new(ERR_INVALID, "\"%s\" of the entry \"%s\" is not a string",
                               members[i], json_key(m));
    }
    return NULL;
}

struct err *config_json_check(const struct json *doc)
{
    static const struct {
        const char *key;
        enum json_type type;
        const char *name;
    } members[] = {
        {AUTHS, JSON_OBJECT, "an object"},          {HELPERS, JSON_OBJECT, "an object"},
        {STORE, JSON_STRING, "a string"},           {CURRENT, JSON_STRING, "a string"},
        {PROXIES, JSON_OBJECT, "an object"},        {"pruneFilters", JSON_ARRAY, "a list"},
        {"detachKeys", JSON_STRING, "a string"},    {"psFormat", JSON_STRING, "a string"},
        {"imagesFormat", JSON_STRING, "a string"},  {"networksFormat", JSON_STRING, "a string"},
        {"volumesFormat", JSON_STRING, "a string"}, {"statsFormat", JSON_STRING, "a string"},
    };
    static const char *const proxy_members[] = {"httpProxy", "httpsProxy", "noProxy", "ftpProxy",
                                                "allProxy"};
    const struct json *helpers = json_get(doc, HELPERS);

    if (json_type(doc) != JSON_OBJECT)
        return err_new(ERR_INVALID, "it is no object");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (!is_type(json_get(doc, members[i].key), members[i].type))
            return err_new(ERR_INVALID, "\"%s\" is not %s", members[i].key, members[i].name);
    for (const struct json *m = json_first(helpers); m; m = json_next(m))
        if (!is_type(m, JSON_STRING))
            return err_new(ERR_INVALID, "the entry \"%s\" of \"%s\" is not a string", json_key(m),
                           HELPERS);
    TRY(check_entries(doc, AUTHS, own_members, ARRAY_LEN(own_members)));
    return check_entries(doc, PROXIES, proxy_members, ARRAY_LEN(proxy_members));
}

struct err *config_json_edit(struct buf *out, struct arena *a, const struct json *doc,
                             const struct config_edit *e, bool *out_is_changed)
{
    struct layout l = {.out = out};

    if (doc)
        TRY(config_json_check(doc));
    open_list(&l, '{');
    put_members(&l, a, doc, e);
    close_list(&l, '}');
    buf_putc(out, '\n');
    *out_is_changed =
        e->key || e->store || removes_any(json_get(doc, AUTHS), e) || changes_context(doc, e);
    return NULL;
}
