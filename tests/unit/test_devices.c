/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Device requests and the rules of the device cgroup. */
#include "devices.h"

#include "base/json.h"

#include "test.h"

static struct host_config *host(const char *json)
{
    struct host_config *h = arena_new(test_arena, struct host_config);

    CHECK_OK(json_decode(test_arena, json, strlen(json), &host_config_json, h));
    return h;
}

TEST(device_rule_parses)
{
    struct device_rule r;

    CHECK_OK(device_rule_parse("c 10:* rwm", &r));
    CHECK(r.type == 'c' && r.major == 10 && r.minor == -1 && r.allow);
    CHECK_STR(r.access, "rwm");
    CHECK_OK(device_rule_parse("a *:* r", &r));
    CHECK(r.type == 'a' && r.major == -1);
    CHECK_OK(device_rule_parse("b 8:17 m", &r));
    CHECK_INT(r.minor, 17);
    CHECK_ERR(device_rule_parse("c 4294967297:3 rwm", &r), ERR_INVALID); /* as an int it is 1:3 */
    CHECK_ERR(device_rule_parse("c 1:4294967299 rwm", &r), ERR_INVALID);
    CHECK_ERR(device_rule_parse("", &r), ERR_INVALID);
    CHECK_ERR(device_rule_parse("d 1:1 r", &r), ERR_INVALID);
    CHECK_ERR(device_rule_parse("c 1:1", &r), ERR_INVALID);
    CHECK_ERR(device_rule_parse("c 1:1 ", &r), ERR_INVALID);
    CHECK_ERR(device_rule_parse("c 1:1 rwmr", &r), ERR_INVALID);
    CHECK_ERR(device_rule_parse("c 1:1 x", &r), ERR_INVALID);
    CHECK_ERR(device_rule_parse("c :1 r", &r), ERR_INVALID);
    CHECK_ERR(device_rule_parse("c 1111111111111:1 r", &r), ERR_INVALID);
    CHECK_ERR(device_rule_parse("c -1:1 r", &r), ERR_INVALID);
}

TEST(device_check)
{
    struct device_mapping m = {(char *)"/dev/a", (char *)"/dev/b", (char *)"rw"};

    CHECK_OK(devices_check(&m));
    m.permissions = (char *)"rx";
    CHECK_ERR(devices_check(&m), ERR_INVALID);
    m = (struct device_mapping){(char *)"dev/a", NULL, NULL};
    CHECK_ERR(devices_check(&m), ERR_INVALID);
}

TEST(device_rules_default)
{
    struct device_rule *rules;
    size_t n;

    CHECK_OK(sandbox_device_rules(test_arena, host("{}"), &rules, &n));
    CHECK(n > 5);
    CHECK(rules[0].type == 'a' && !rules[0].allow); /* first nothing */
    for (size_t i = 1; i < n; i++)
        CHECK(rules[i].allow);
}

TEST(device_rules_of_requests)
{
    struct device_rule *rules;
    size_t n, defaults;

    CHECK_OK(sandbox_device_rules(test_arena, host("{}"), &rules, &defaults));
    CHECK_OK(sandbox_device_rules(
        test_arena,
        host("{\"Devices\":[{\"PathOnHost\":\"/dev/null\",\"PathInContainer\":\"/dev/x\","
             "\"CgroupPermissions\":\"r\"}],\"DeviceCgroupRules\":[\"b 8:* rw\"]}"),
        &rules, &n));
    CHECK_INT(n, defaults + 2);
    CHECK(rules[defaults].type == 'c' && rules[defaults].major == 1 && rules[defaults].minor == 3);
    CHECK_STR(rules[defaults].access, "r");
    CHECK(rules[defaults + 1].type == 'b');
    CHECK_OK(sandbox_device_rules(test_arena, host("{\"Privileged\":true}"), &rules, &n));
    CHECK_INT(n, 1);
    CHECK(rules[0].allow && rules[0].type == 'a');
}

TEST(devices_are_found)
{
    struct device_list l;
    struct host_config *h = host("{\"Devices\":[{\"PathOnHost\":\"/dev/null\"}]}");

    CHECK_OK(devices_find(test_arena, h, &l));
    CHECK_INT(l.n, 1);
    CHECK_STR(l.v[0].path, "/dev/null");
    CHECK_STR(l.v[0].access, "rwm");
    CHECK(device_is_below_dev(&l.v[0]));
    CHECK_ERR(
        devices_find(test_arena, host("{\"Devices\":[{\"PathOnHost\":\"/dev/nosuch\"}]}"), &l),
        ERR_INVALID);
    CHECK_ERR(
        devices_find(test_arena, host("{\"Devices\":[{\"PathOnHost\":\"/etc/passwd\"}]}"), &l),
        ERR_INVALID);
    CHECK_OK(devices_find(test_arena, host("{\"Privileged\":true}"), &l));
    CHECK(l.n > 5);
    for (size_t i = 0; i < l.n; i++)
        CHECK(strcmp(l.v[i].path, "/dev/ptmx") != 0 && !text_starts(l.v[i].path, "/dev/pts/"));
}
