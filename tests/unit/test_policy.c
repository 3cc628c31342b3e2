/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Policies: what is refused with which place, who a rule is for, what is denied and allowed. */
#include "runtime/policy.h"

#include <stdio.h>
#include <string.h>

#include "runtime/config.h"

#include "test.h"

static struct policy *policy(const char *rules)
{
    struct policy *p = NULL;
    char *text = arena_printf(test_arena, "{\"rules\":[%s]}", rules);

    CHECK_OK(policy_parse(text, strlen(text), &p));
    return p;
}

/* "" where it is allowed. */
static const char *judged(const char *rules, const struct policy_caller *who,
                          const struct policy_case *c)
{
    struct policy *p = policy(rules);
    struct err *err = policy_check(p, who, test_arena, c);
    char *text = arena_strdup(test_arena, err ? err_text(err) : "");

    CHECK(!err || err_kind(err) == ERR_FORBIDDEN);
    err_drop(err);
    policy_unref(p);
    return text;
}

static const struct policy_caller alice = {.uid = 1000, .gid = 1000};

static const char *item(const char *rules, enum policy_kind kind, const char *first,
                        const char *second)
{
    struct policy_case c = {0};

    strs_add(test_arena, &c.items[kind], first);
    if (second)
        strs_add(test_arena, &c.items[kind], second);
    return judged(rules, &alice, &c);
}

static const char *config(const char *rules, const char *json)
{
    struct host_config *h = arena_new(test_arena, struct host_config);
    struct risk_findings *found = arena_new(test_arena, struct risk_findings);
    struct policy_case c = {.risks = found};

    CHECK_OK(json_decode(test_arena, json, strlen(json), &host_config_json, h));
    risks_of_config(test_arena, h, found);
    policy_case_config(test_arena, h, &c);
    return judged(rules, &alice, &c);
}

TEST(what_is_wrong_is_told_with_its_place)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "invalid JSON"},
        {"[]", "line 1: the file: must be an object"},
        {"{}", "line 1: rules: must be a list of rules"},
        {"\n{\n\"rule\":[]}", "line 3: rule: unknown key"},
        {"{\"rules\":[],\"rules\":[]}", "the key \"rules\" is there twice"},
        {"{\"rules\":[{}]}", "rules[0]: has no name"},
        {"{\"rules\":[{\"name\":\"a\"}]}", "rules[0]: neither denies nor allows"},
        {"{\"rules\":[{\"name\":\"\"}]}", "rules[0].name: must be a string that is not empty"},
        {"{\"rules\":[{\"name\":\"a\\u001b\"}]}", "rules[0].name: has control characters"},
        {"{\"rules\":[{\"name\":\"a\",\"deny\":{}}]}", "rules[0].deny: is empty"},
        {"{\"rules\":[{\"name\":\"a\",\"Deny\":{}}]}", "rules[0].Deny: unknown key"},
        {"{\"rules\":[{\"name\":\"a\",\"deny\":{\"risk\":[]}}]}",
         "rules[0].deny.risk: unknown key"},
        {"{\"rules\":[{\"name\":\"a\",\"deny\":{\"risks\":[]}}]}", "rules[0].deny.risks: is empty"},
        {"{\"rules\":[{\"name\":\"a\",\n\"deny\":{\"risks\":[\"privileged\",\n\"priviledged\"]}}]}",
         "line 3: rules[0].deny.risks[1]: \"priviledged\" is no risk"},
        {"{\"rules\":[{\"name\":\"a\",\"deny\":{\"severity\":\"grave\"}}]}",
         "rules[0].deny.severity: must be \"low\""},
        {"{\"rules\":[{\"name\":\"a\",\"allow\":{\"risks\":[\"privileged\"]}}]}",
         "rules[0].allow.risks: can only be denied"},
        {"{\"rules\":[{\"name\":\"a\",\"deny\":{\"capabilities\":[\"SYS_NOSUCH\"]}}]}",
         "rules[0].deny.capabilities[0]: \"SYS_NOSUCH\" is no capability"},
        {"{\"rules\":[{\"name\":\"a\",\"deny\":{\"mounts\":[\"etc\"]}}]}",
         "rules[0].deny.mounts[0]: \"etc\" is no absolute path"},
        {"{\"rules\":[{\"name\":\"a\",\"deny\":{\"images\":[7]}}]}",
         "rules[0].deny.images[0]: must be a string"},
        {"{\"rules\":[{\"name\":\"a\",\"users\":[\"no-such-user\"]}]}",
         "rules[0].users[0]: there is no user \"no-such-user\""},
        {"{\"rules\":[{\"name\":\"a\",\"users\":[\"@no-such-group\"]}]}",
         "rules[0].users[0]: there is no group \"no-such-group\""},
        {"{\"rules\":[{\"name\":\"a\",\"users\":[\"9-3\"]}]}",
         "rules[0].users[0]: \"9-3\" is no range"},
        {"{\"rules\":[{\"name\":\"a\",\"deny\":{\"images\":[\"x\"]}},{\"name\":\"a\","
         "\"deny\":{\"images\":[\"x\"]}}]}",
         "rules[1]: another rule is named \"a\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy *p = NULL;
        struct err *err = policy_parse(cases[i].text, strlen(cases[i].text), &p);

        CHECK(err && err_kind(err) == ERR_INVALID);
        if (err && !strstr(err_text(err), cases[i].why))
            CHECK_STR(err_text(err), cases[i].why);
        err_drop(err);
        CHECK(!p);
    }
}

TEST(sizes_are_bounded)
{
    autobuf struct buf b = {0};
    struct policy *p = NULL;

    buf_puts(&b, "{\"rules\":[");
    for (int i = 0; i <= POLICY_RULES_MAX; i++)
        buf_printf(&b, "%s{\"name\":\"%d\",\"deny\":{\"images\":[\"x\"]}}", i ? "," : "", i);
    buf_puts(&b, "]}");
    CHECK_ERR(policy_parse(b.data, b.len, &p), ERR_INVALID);
    buf_finish(&b);
    buf_puts(&b, "{\"rules\":[{\"name\":\"a\",\"deny\":{\"images\":[\"x\"");
    for (int i = 0; i < POLICY_ENTRIES_MAX; i++)
        buf_puts(&b, ",\"x\"");
    buf_puts(&b, "]}}]}");
    CHECK_ERR(policy_parse(b.data, b.len, &p), ERR_INVALID);
    buf_finish(&b);
    for (size_t i = 0; i <= POLICY_BYTES_MAX; i++)
        buf_putc(&b, ' ');
    CHECK_ERR(policy_parse(b.data, b.len, &p), ERR_INVALID);
}

TEST(a_rule_is_for_whom_it_names)
{
    static const gid_t groups[] = {27, 100};
    static const struct {
        const char *users;
        bool applies;
    } cases[] = {
        {"", true},
        {"\"users\":[\"1000\"],", true},
        {"\"users\":[\"1001\"],", false},
        {"\"users\":[\"root\"],", false},
        {"\"users\":[\"900-1100\"],", true},
        {"\"users\":[\"1001-1100\",\"@100\"],", true},
        {"\"users\":[\"@1000\"],", true},
        {"\"users\":[\"@28-99\"],", false},
        {"\"except\":[\"root\"],", true},
        {"\"except\":[\"@27\"],", false},
        {"\"users\":[\"1000\"],\"except\":[\"1000\"],", false},
    };
    const struct policy_caller who = {1000, 1000, groups, 2};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy *p = policy(arena_printf(
            test_arena, "{\"name\":\"a\",%s\"deny\":{\"images\":[\"x\"]}}", cases[i].users));

        CHECK_INT(policy_applies(p, &who), cases[i].applies);
        policy_unref(p);
    }
    CHECK(!policy_applies(NULL, &who));
}

TEST(lists_deny_and_allow)
{
    static const struct {
        const char *clause;
        enum policy_kind kind;
        const char *first, *second, *verdict;
    } cases[] = {
        {"\"deny\":{\"images\":[\"evil\"]}", POLICY_IMAGES, "evil:1", NULL,
         "forbids the image evil:1"},
        {"\"deny\":{\"images\":[\"evil\"]}", POLICY_IMAGES, "good:1", "evil:2",
         "forbids the image"},
        {"\"deny\":{\"images\":[\"evil:1\"]}", POLICY_IMAGES, "evil:2", NULL, ""},
        {"\"deny\":{\"images\":[\"reg:5000/evil\"]}", POLICY_IMAGES, "reg:5000/evil:x", NULL,
         "forbids"},
        {"\"allow\":{\"images\":[\"reg/team/**\"]}", POLICY_IMAGES, "reg/team/a/b:c", NULL, ""},
        {"\"allow\":{\"images\":[\"reg/team/*\"]}", POLICY_IMAGES, "reg/team/a/b:c", NULL,
         "not allow"},
        {"\"allow\":{\"images\":[\"good\"]}", POLICY_IMAGES, "other", "good:1", ""},
        {"\"allow\":{\"images\":[\"good\"]}", POLICY_IMAGES, "bad", "worse",
         "does not allow the image bad"},
        {"\"deny\":{\"mounts\":[\"/etc/\"]}", POLICY_MOUNTS, "/etc/ssh", NULL,
         "forbids the mount of /etc/ssh"},
        {"\"deny\":{\"mounts\":[\"/etc\"]}", POLICY_MOUNTS, "/", NULL, "forbids the mount of /"},
        {"\"deny\":{\"mounts\":[\"/etc\"]}", POLICY_MOUNTS, "/etcetera", NULL, ""},
        {"\"deny\":{\"mounts\":[\"/\"]}", POLICY_MOUNTS, "/srv", NULL, "forbids"},
        {"\"allow\":{\"mounts\":[\"/srv\"]}", POLICY_MOUNTS, "/srv/a", "/srv/b", ""},
        {"\"allow\":{\"mounts\":[\"/srv\"]}", POLICY_MOUNTS, "/srv/link", "/etc",
         "does not allow the mount of /etc"},
        {"\"allow\":{\"mounts\":[\"/srv\"]}", POLICY_MOUNTS, "/", NULL, "not allow"},
        {"\"deny\":{\"commands\":[\"image *\"]}", POLICY_COMMANDS, "image load", NULL,
         "forbids the command image load"},
        {"\"deny\":{\"networks\":[\"host\"]}", POLICY_NETWORKS, "host", NULL,
         "forbids the network host"},
        {"\"allow\":{\"userns\":[\"auto\"]}", POLICY_USERNS, "default", NULL,
         "does not allow the user namespace default"},
        {"\"allow\":{\"images\":[\"good\"]}", POLICY_MOUNTS, "/etc", NULL, ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *said =
            item(arena_printf(test_arena, "{\"name\":\"the rule\",%s}", cases[i].clause),
                 cases[i].kind, cases[i].first, cases[i].second);

        CHECK(*cases[i].verdict ? strstr(said, cases[i].verdict) != NULL : !*said);
        CHECK(!*said || strstr(said, "rule \"the rule\" "));
    }
}

TEST(what_one_rule_denies_no_other_allows)
{
    const char *rules = "{\"name\":\"a\",\"allow\":{\"mounts\":[\"/srv\"]}},"
                        "{\"name\":\"b\",\"deny\":{\"mounts\":[\"/srv/secret\"]}}";

    CHECK_STR(item(rules, POLICY_MOUNTS, "/srv/open", NULL), "");
    CHECK(strstr(item(rules, POLICY_MOUNTS, "/srv/secret/x", NULL), "\"b\" forbids"));
    CHECK(strstr(item(rules, POLICY_MOUNTS, "/opt", NULL), "\"a\" does not allow"));
}

TEST(configurations_are_judged)
{
    const char *critical = "{\"name\":\"a\",\"deny\":{\"severity\":\"critical\"}}";
    const char *low = "{\"name\":\"a\",\"deny\":{\"severity\":\"low\"}}";
    const char *raw = "{\"name\":\"a\",\"deny\":{\"capabilities\":[\"NET_RAW\"]}}";
    const char *few = "{\"name\":\"a\",\"allow\":{\"capabilities\":[\"CAP_NET_ADMIN\"]}}";
    const char *none = "{\"name\":\"a\",\"allow\":{\"devices\":[\"/dev/null\"]}}";

    CHECK(
        strstr(config(critical, "{\"Privileged\":true}"), "forbids the risk privileged: --privi"));
    CHECK_STR(config(critical, "{\"PidMode\":\"host\"}"), "");
    CHECK_STR(config(low, "{}"), ""); /* defaults are no risk that was taken */
    CHECK(strstr(config("{\"name\":\"a\",\"deny\":{\"risks\":[\"cap-audit-write\"]}}", "{}"),
                 "cap-audit-write")); /* unless named */
    CHECK(strstr(config(raw, "{}"), "forbids the capability NET_RAW"));
    CHECK_STR(config(raw, "{\"CapDrop\":[\"NET_RAW\"]}"), "");
    CHECK_STR(config(few, "{\"CapAdd\":[\"NET_ADMIN\"]}"), "");
    CHECK(strstr(config(few, "{\"CapAdd\":[\"SYS_TIME\"]}"),
                 "does not allow the capability SYS_TIME"));
    CHECK(*config(few, "{\"Privileged\":true}"));
    CHECK_STR(config(none, "{\"Devices\":[{\"PathOnHost\":\"/dev/null\"}]}"), "");
    CHECK(*config(none, "{\"Devices\":[{\"PathOnHost\":\"/dev/null/../sda\"}]}"));
    CHECK(*config(none, "{\"DeviceCgroupRules\":[\"c 1:3 r\"]}"));
    CHECK(*config(none, "{\"Privileged\":true}"));
}

static long pages(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long n = 0;

    CHECK(f && fscanf(f, "%ld", &n) == 1);
    fclose(f);
    return n;
}

/* Whoever may use the socket may have a file checked. */
TEST(thousands_of_names_take_no_room_each)
{
    struct buf rules = {0};
    struct policy *p;
    long before;

    for (int i = 0; i < 30; i++) {
        buf_printf(&rules, "%s{\"name\":\"r%d\",\"users\":[\"root\"", i ? "," : "", i);
        for (int k = 1; k < 1000; k++)
            buf_puts(&rules, ",\"root\"");
        buf_puts(&rules, "],\"deny\":{\"severity\":\"high\"}}");
    }
    before = pages();
    p = policy(rules.data);
    CHECK(pages() - before < (128 << 20) / 4096);
    policy_unref(p);
    buf_finish(&rules);
}
