/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Risks of configurations: what is found, and that the table is whole. What the host's files are is
 * in tests/system/audit.sh. */
#include "runtime/risk.h"

#include <string.h>

#include "runtime/config.h"

#include "test.h"

static struct risk_findings find(const char *json)
{
    struct host_config *h = arena_new(test_arena, struct host_config);
    struct risk_findings out = {0};

    CHECK_OK(json_decode(test_arena, json, strlen(json), &host_config_json, h));
    risks_of_config(test_arena, h, &out);
    return out;
}

/* The names of all but the defaults, in order. */
static char *names(const char *json)
{
    struct risk_findings f = find(json);
    struct strs list = {0};

    for (size_t i = 0; i < f.n; i++)
        if (!f.v[i].is_default)
            strs_add(test_arena, &list, f.v[i].risk->name);
    return strs_join(test_arena, &list, " ");
}

TEST(the_table_is_whole)
{
    for (const struct risk *r = risks; r->name; r++) {
        CHECK(r->text && *r->text && r->remedy && *r->remedy);
        CHECK(r->text[strlen(r->text) - 1] != '.' && r->remedy[strlen(r->remedy) - 1] != '.');
        CHECK(risk_find(r->name) == r); /* no name twice */
        CHECK(*risk_severity_name(r->severity));
    }
    CHECK(!risk_find("nosuch"));
}

TEST(options_that_weaken_are_found)
{
    static const struct {
        const char *json, *names;
    } cases[] = {
        {"{}", ""},
        {"{\"Privileged\":true}", "privileged"},
        {"{\"CapAdd\":[\"sys_module\"]}", "cap-sys-module"},
        {"{\"CapAdd\":[\"CAP_SYS_ADMIN\",\"SYS_ADMIN\",\"CHOWN\"]}", "cap-sys-admin"},
        {"{\"CapAdd\":[\"ALL\"]}", "cap-all"},
        {"{\"CapAdd\":[\"all\",\"NET_ADMIN\"]}", "cap-all cap-net-admin"},
        {"{\"CapAdd\":[\"AUDIT_WRITE\"],\"CapDrop\":[\"ALL\"]}", "cap-audit-write"},
        {"{\"PidMode\":\"host\",\"IpcMode\":\"host\",\"UTSMode\":\"host\",\"NetworkMode\":"
         "\"host\"}",
         "host-pid host-ipc host-uts host-network"},
        {"{\"SecurityOpt\":[\"seccomp:unconfined\"]}", "seccomp-unconfined"},
        {"{\"SecurityOpt\":[\"writable-cgroups=true\"]}", "writable-cgroups"},
        {"{\"MaskedPaths\":[],\"ReadonlyPaths\":[]}", "unmasked-paths writable-proc"},
        {"{\"MaskedPaths\":[\"/proc/kcore\"]}", "unmasked-paths"},
        {"{\"Privileged\":true,\"MaskedPaths\":[]}", "privileged"},
        {"{\"Devices\":[{\"PathOnHost\":\"/dev/sda\"}],\"DeviceCgroupRules\":[\"a *:* rwm\"]}",
         "host-device device-rule"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_STR(names(cases[i].json), cases[i].names);
}

#define RULES(names, more)                                                                         \
    "{\"SecurityOpt\":[\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_ERRNO\\\","                   \
    "\\\"syscalls\\\":["                                                                           \
    "{\\\"names\\\":[" names "],\\\"action\\\":\\\"SCMP_ACT_ALLOW\\\"}]}\"]" more "}"

TEST(holes_of_a_profile_are_found)
{
    const char *open = "{\"SecurityOpt\":[\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\"}"
                       "\"]}";
    struct risk_findings f;

    CHECK_STR(names(RULES("\\\"read\\\",\\\"write\\\"", "")), "seccomp-profile");
    CHECK_STR(names(RULES("\\\"read\\\",\\\"kexec_load\\\"", "")), "seccomp-profile seccomp-holey");
    CHECK_STR(names(open), "seccomp-profile seccomp-holey");
    f = find(RULES("\\\"mount\\\",\\\"kexec_load\\\"", ""));
    CHECK_STR(risk_sentence(test_arena, &f.v[f.n - 1]),
              "the profile allows kexec_load, mount: a seccomp profile of your own lets dangerous "
              "system calls through");
}

TEST(what_floods_the_audit_log_is_a_default)
{
    struct risk_findings f = find("{}");
    struct strs warnings = {0};

    CHECK_INT(f.n, 1);
    CHECK_STR(f.v[0].risk->name, "cap-audit-write");
    CHECK(f.v[0].is_default);
    risk_warn(test_arena, &f, RISKS_ALL, &warnings);
    CHECK_INT(warnings.n, 0);
    CHECK_INT(find("{\"CapDrop\":[\"AUDIT_WRITE\"]}").n, 0);
    CHECK_INT(find("{\"CapDrop\":[\"ALL\"]}").n, 0);
}

/* Of each source: its path, an "o" for one's own, "ro" where it is. */
static char *sources(const struct risk_sources *s)
{
    struct strs list = {0};

    for (size_t i = 0; i < s->n; i++)
        strs_add(test_arena, &list,
                 arena_printf(test_arena, "%s%s%s", s->v[i].path, s->v[i].is_own ? "(own)" : "",
                              s->v[i].is_writable ? "" : "(ro)"));
    return strs_join(test_arena, &list, " ");
}

TEST(a_volume_shows_what_its_options_name)
{
    static const struct {
        const char *type, *device, *o, *paths;
    } cases[] = {
        {NULL, NULL, NULL, "/data/v(own)"},
        {"none", "/etc", "bind", "/etc"},
        {"ext4", "/dev/sda1", NULL, "/dev/sda1"},
        {"tmpfs", "tmpfs", NULL, ""},
        {"nfs", ":/share", "addr=10.0.0.1", ""},
        {"overlay", "overlay", "lowerdir=/etc:/usr,upperdir=/srv/u,workdir=/srv/w,x=/y",
         "/etc /usr /srv/u /srv/w"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct risk_sources s = {0};
        struct pairs options = {0};

        if (cases[i].type)
            pairs_set(test_arena, &options, "type", cases[i].type);
        if (cases[i].device)
            pairs_set(test_arena, &options, "device", cases[i].device);
        if (cases[i].o)
            pairs_set(test_arena, &options, "o", cases[i].o);
        risk_sources_add_volume(test_arena, &s, "v", "/data/v", &options, true);
        CHECK_STR(sources(&s), cases[i].paths);
    }
}
