/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base wire */
#include <stdio.h>

#include "base/json.h"
#include "runtime/config.h"

#include "cdi_inner.h"
#include "test.h"

static struct config config;
static struct host_config host;
static struct strs warnings;

static struct err *edit(const char *text)
{
    struct cdi_target t = {.a = test_arena, .c = &config, .h = &host, .warnings = &warnings};
    const struct json *doc;

    CHECK_OK(json_parse(test_arena, text, strlen(text), &doc));
    return cdi_edit(&t, doc);
}

TEST(cdi_edits_join_the_configuration_once)
{
    static const char text[] =
        "{\"env\":[\"A=1\",\"AB=2\"],\"additionalGids\":[0,44],\"hooks\":[],"
        "\"deviceNodes\":[{\"path\":\"/dev/x\",\"hostPath\":\"/dev/null\",\"type\":\"c\","
        "\"major\":1,\"minor\":3,\"permissions\":\"rw\"},{\"path\":\"/dev/zero\"}],"
        "\"mounts\":[{\"hostPath\":\"/etc\",\"containerPath\":\"/m\",\"options\":[\"ro\","
        "\"nosuid\",\"bind\",\"rslave\"]},{\"hostPath\":\"/etc\",\"containerPath\":\"/n\"}]}";
    const struct device_mapping *m;
    const struct mount_request *b;

    strs_add(test_arena, &config.env, "A=0");
    for (int i = 0; i < 2; i++)
        CHECK_OK(edit(text));
    CHECK_INT(config.env.n, 2);
    CHECK_STR(config.env.v[0], "A=1");
    CHECK_STR(config.env.v[1], "AB=2");
    CHECK_INT(host.group_add.n, 1);
    CHECK_STR(host.group_add.v[0], "44");
    CHECK_INT(host.devices.n, 2);
    m = host.devices.v;
    CHECK_STR(m[0].host, "/dev/null");
    CHECK_STR(m[0].container, "/dev/x");
    CHECK_STR(m[0].permissions, "rw");
    CHECK_STR(m[1].permissions, "rwm");
    CHECK_INT(host.mounts.n, 2);
    b = host.mounts.v;
    CHECK(b[0].read_only && b[0].bind->non_recursive);
    CHECK_STR(b[0].bind->propagation, "rslave");
    CHECK(!b[1].read_only && !b[1].bind->non_recursive);
    CHECK_INT(warnings.n, 1);
}

static bool is_refused(const char *text)
{
    struct err *err = edit(text);

    if (!err)
        printf("# not refused: %s\n", text);
    err_drop(err);
    return err != NULL;
}

TEST(cdi_edits_are_refused)
{
    static const char *const refused[] = {
        "[]",
        "{\"unknown\":[]}",
        "{\"env\":\"A=1\"}",
        "{\"env\":[\"=1\"]}",
        "{\"env\":[1]}",
        "{\"additionalGids\":[-1]}",
        "{\"additionalGids\":[\"5\"]}",
        "{\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"/bin/x\"}]}",
        "{\"intelRdt\":{\"closID\":\"x\"}}",
        "{\"netDevices\":[{\"hostInterfaceName\":\"eth0\"}]}",
        "{\"deviceNodes\":[\"/dev/null\"]}",
        "{\"deviceNodes\":[{\"path\":\"dev/null\"}]}",
        "{\"deviceNodes\":[{\"path\":\"/dev/null\",\"hostPath\":\"x\"}]}",
        "{\"deviceNodes\":[{\"path\":\"/dev/null\",\"other\":1}]}",
        "{\"deviceNodes\":[{\"path\":\"/dev/null\",\"type\":\"b\"}]}",
        "{\"deviceNodes\":[{\"path\":\"/dev/null\",\"minor\":4}]}",
        "{\"deviceNodes\":[{\"path\":\"/dev/null\",\"uid\":77}]}",
        "{\"deviceNodes\":[{\"path\":\"/etc\"}]}",
        "{\"deviceNodes\":[{\"path\":\"/dev/nosuch\"}]}",
        "{\"mounts\":{}}",
        "{\"mounts\":[{\"hostPath\":\"/etc\"}]}",
        "{\"mounts\":[{\"hostPath\":\"/etc\",\"containerPath\":\"x\"}]}",
        "{\"mounts\":[{\"hostPath\":\"/etc\",\"containerPath\":\"/x\",\"type\":\"tmpfs\"}]}",
        "{\"mounts\":[{\"hostPath\":\"/etc\",\"containerPath\":\"/x\",\"options\":[\"idmap\"]}]}",
        "{\"mounts\":[{\"hostPath\":\"/etc\",\"containerPath\":\"/x\",\"options\":[1]}]}",
    };

    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        CHECK(is_refused(refused[i]));
}

TEST(cdi_requests_are_names)
{
    struct device_request r = {.driver = "cdi"};

    CHECK_ERR(cdi_check(&r), ERR_INVALID);
    strs_add(test_arena, &r.ids, "vendor.com/class=name");
    CHECK_OK(cdi_check(&r));
    r.capabilities = "[]";
    CHECK_OK(cdi_check(&r));
    r.capabilities = "[[\"gpu\"]]";
    CHECK_ERR(cdi_check(&r), ERR_INVALID);
    r.capabilities = NULL;
    r.count = 1;
    CHECK_ERR(cdi_check(&r), ERR_INVALID);
    r.count = 0;
    static const char *const bad[] = {"x", "/c=n", "v/=n", "v/c=", "v=c/n", ""};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        r.ids.v[0] = arena_strdup(test_arena, bad[i]);
        CHECK_ERR(cdi_check(&r), ERR_INVALID);
    }
}
