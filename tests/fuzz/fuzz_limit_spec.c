/* SPDX-License-Identifier: Apache-2.0 */
/* links: cgroup runtime cli core base */
/* Little languages of limits: device rules, weights and rates of disks, huge pages, clocks, parents
 * of cgroups; and what the kernel says of schedulers and hierarchies. What is understood is within
 * its bounds, and says the same when it is written and read again. */
#include "cgroup_tree.h"
#include "delegation.h"
#include "devices.h"
#include "options.h"
#include "place.h"
#include "slice.h"
#include "time_offsets.h"
#include "weights.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rule(struct arena *a, const char *s)
{
    struct device_rule r, again;
    struct cgroup_device d = {0};
    struct err *e = device_rule_parse(s, &r);

    if (e) {
        err_drop(e);
        return;
    }
    ASSERT(strchr("abc", r.type) && r.major >= -1 && r.minor >= -1 && r.access[0]);
    ASSERT(r.major <= INT32_MAX && r.minor <= INT32_MAX); /* the cgroup takes ints */
    if (r.type == 'a')
        return;
    d = (struct cgroup_device){
        .type = r.type, .major = (int)r.major, .minor = (int)r.minor, .allow = true};
    memcpy(d.access, r.access, strnlen(r.access, sizeof(d.access) - 1));
    e = device_rule_parse(device_rule_text(a, &d), &again);
    ASSERT(!e && again.major == r.major && again.minor == r.minor &&
           !strncmp(again.access, r.access, 3));
}

typedef struct err *(*option_fn)(struct arena *a, const char *spec, struct jw *out);

/* NULL when it is refused. */
static const struct json *option(struct arena *a, option_fn parse, const char *s)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    const struct json *j = NULL;
    struct err *e = parse(a, s, &w);

    if (!e)
        e = json_parse(a, b.data, b.len, &j);
    else
        j = NULL;
    err_drop(e);
    return j;
}

static struct err *bytes_rate(struct arena *a, const char *spec, struct jw *out)
{
    return device_rate_parse(a, spec, true, out);
}

static void check_options(struct arena *a, const char *s)
{
    const struct json *weight = option(a, device_weight_parse, s);
    const struct json *rate = option(a, bytes_rate, s);
    const struct json *huge = option(a, hugetlb_parse, s);

    if (weight) {
        int64_t n = json_int(json_get(weight, "Weight"));

        ASSERT(n == 0 || (n >= 10 && n <= 1000));
        ASSERT(text_starts(json_str(json_get(weight, "Path")), "/dev/"));
    }
    ASSERT(!rate || json_int(json_get(rate, "Rate")) >= 0);
    if (huge) {
        const char *page = json_str(json_get(huge, "PageSize"));
        int64_t bytes;

        ASSERT(json_int(json_get(huge, "Limit")) >= 0);
        ASSERT(!page || (text_to_bytes(page, &bytes) && bytes > 0));
    }
}

static void check_clocks(struct arena *a, const char *s)
{
    struct host_config h = {0};
    char *text;
    struct err *e;

    pairs_add(a, &h.time_offsets, "monotonic", s);
    e = time_offsets_text(a, &h, &text);
    ASSERT(e || text_starts(text, "monotonic "));
    err_drop(e);
}

static void check_parent(struct arena *a, const char *s)
{
    struct cgroup_tree t = {.own = (char *)"berth"}; /* v1: nothing is looked at */
    struct err *e = cgroup_parent_check(&t, a, s);
    char *place;

    if (e) {
        err_drop(e);
        return;
    }
    place = cgroup_place(&t, a, s, "id");
    e = cgroup_place_check(place);
    ASSERT(!e && !strstr(place, "..") == !strstr(s, ".."));
    ASSERT(*place != '/' && !strstr(place, "/../") && text_ends(place, "id"));
    t.features.is_v2 = true;
    slice_of_place(&t, a, place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *s = arena_strndup(a, (const char *)data, size);
    struct cgroup_mount mounts[MAX_HIERARCHIES];

    check_rule(a, s);
    check_options(a, s);
    check_clocks(a, s);
    check_parent(a, s);
    ASSERT(strlen(scheduler_chosen(a, s)) <= strlen(s));
    cost_is_on(a, s, 8, 0);
    ASSERT(cgroup_mounts_choose(a, s, mounts, MAX_HIERARCHIES) <= MAX_HIERARCHIES);
    delegation_own_path(a, s, "memory");
    delegation_own_path(a, s, "");
    return 0;
}
