/* SPDX-License-Identifier: Apache-2.0 */
/* links: cli base */
#include "test.h"

#include "options.h"
#include "query.h"
#include "run_options.h"

#include <stdio.h>
#include <stdlib.h>

static const char *ports_of(const char *spec)
{
    struct port_options p = {0};
    autobuf struct buf b = {0};
    struct err *e = port_parse(test_arena, spec, &p);

    if (e) {
        const char *text = arena_strdup(test_arena, err_text(e));

        err_drop(e);
        return text;
    }
    for (size_t i = 0; i < p.n; i++)
        buf_printf(&b, "%s%s|%s|%s", i ? " " : "", p.v[i].ip, p.v[i].host_port, p.v[i].port);
    return arena_strdup(test_arena, b.data);
}

TEST(publish_specs)
{
    CHECK_STR(ports_of("80"), "||80/tcp");
    CHECK_STR(ports_of("8080:80"), "|8080|80/tcp");
    CHECK_STR(ports_of("127.0.0.1::53/udp"), "127.0.0.1||53/udp");
    CHECK_STR(ports_of("[::1]:8080:80"), "::1|8080|80/tcp");
    CHECK_STR(ports_of("9000-9001:80-81/UDP"), "|9000|80/udp |9001|81/udp");
    CHECK_STR(ports_of("8000-8010:80"), "|8000-8010|80/tcp");
    CHECK_STR(ports_of("target=80,published=8080,protocol=udp"), "|8080|80/udp");
    CHECK_STR(ports_of("abc"), "invalid containerPort: abc");
    CHECK_STR(ports_of("x:80"), "invalid hostPort: x");
    CHECK_STR(ports_of("70000:80"), "invalid hostPort: 70000");
    CHECK_STR(ports_of("80/foo"), "invalid proto: foo");
    CHECK_STR(ports_of("80:81:82:83"), "invalid IP address: 80:81");
    CHECK_STR(ports_of("80-82:90-91"),
              "invalid ranges specified for container and host Ports: 90-91 and 80-82");
}

static const char *mount_of(const char *spec)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct err *e = mount_parse(test_arena, spec, &w);
    const char *text = arena_strdup(test_arena, e ? err_text(e) : b.data);

    err_drop(e);
    return text;
}

TEST(mount_specs)
{
    CHECK_STR(mount_of("type=bind,src=/a,dst=/b,ro"),
              "{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\",\"ReadOnly\":true}");
    CHECK_STR(mount_of("dst=/b,volume-nocopy"),
              "{\"Type\":\"volume\",\"Target\":\"/b\",\"ReadOnly\":false,\"VolumeOptions\":"
              "{\"NoCopy\":true,\"Labels\":{}}}");
    CHECK_STR(mount_of("type=tmpfs,\"dst=/a,b\",tmpfs-size=1m,tmpfs-mode=700"),
              "{\"Type\":\"tmpfs\",\"Target\":\"/a,b\",\"ReadOnly\":false,\"TmpfsOptions\":"
              "{\"SizeBytes\":1048576,\"Mode\":448}}");
    CHECK_STR(mount_of("type=bind,src=/a"), "target is required");
    CHECK_STR(mount_of("foo=1,dst=/a"), "unexpected key 'foo' in 'foo=1'");
    CHECK_STR(mount_of("type=bind,dst=/a,volume-nocopy"),
              "cannot mix 'volume-*' options with mount type 'bind'");
    CHECK_STR(mount_of("type=tmpfs,dst=/a,tmpfs-mode=9"), "invalid value for tmpfs-mode: 9");
    CHECK_STR(mount_of("type=tmpfs,dst=/a,tmpfs-mode=10000"),
              "invalid value for tmpfs-mode: 10000");
    CHECK_STR(mount_of("type=bind,src=/a,dst=/b,bind-recursive=maybe"),
              "invalid value for bind-recursive: maybe (must be \"enabled\", \"disabled\", "
              "\"writable\", or \"readonly\")");
    CHECK_STR(mount_of("type=bind,src=/a,dst=/b,bind-recursive=writable"),
              "option 'bind-recursive=writable' requires 'readonly' to be specified in "
              "conjunction");
    CHECK_STR(mount_of("type=bind,src=/a,dst=/b,ro,bind-recursive=writable"),
              "{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\",\"ReadOnly\":true,"
              "\"BindOptions\":{\"NonRecursive\":false,\"CreateMountpoint\":false,"
              "\"ReadOnlyNonRecursive\":true}}");
}

TEST(volume_specs)
{
    struct strs binds = {0}, volumes = {0};
    char cwd[4096];

    CHECK(getcwd(cwd, sizeof(cwd)));
    CHECK_OK(volume_parse(test_arena, "/anon", &binds, &volumes));
    CHECK_OK(volume_parse(test_arena, "name:/data:nocopy", &binds, &volumes));
    CHECK_OK(volume_parse(test_arena, "./x:/y", &binds, &volumes));
    CHECK_STR(volumes.v[0], "/anon");
    CHECK_STR(binds.v[0], "name:/data:nocopy");
    CHECK_STR(binds.v[1], arena_printf(test_arena, "%s/x:/y", cwd));
    CHECK_ERR(volume_parse(test_arena, "", &binds, &volumes), ERR_INVALID);
    CHECK_ERR(volume_parse(test_arena, ":/x", &binds, &volumes), ERR_INVALID);
}

TEST(environment_from_files_and_caller)
{
    struct strs files = {0}, values = {0}, out = {0};
    const char *path = arena_printf(test_arena, "%s/env", test_dir());
    FILE *f = fopen(path, "w");

    fputs("# comment\n\n  A=1\nMINE\nABSENT_VARIABLE\nB=x y\n", f);
    fclose(f);
    setenv("MINE", "here", 1);
    unsetenv("ABSENT_VARIABLE");
    strs_add(test_arena, &files, path);
    strs_add(test_arena, &values, "A=2");
    CHECK_OK(env_parse(test_arena, &files, &values, &out));
    CHECK_STR(strs_join(test_arena, &out, "|"), "A=1|MINE=here|B=x y|A=2");
    strs_add(test_arena, &values, "ABSENT_VARIABLE"); /* it takes away what the image has */
    out = (struct strs){0};
    CHECK_OK(env_parse(test_arena, &files, &values, &out));
    CHECK_STR(strs_join(test_arena, &out, "|"), "A=1|MINE=here|B=x y|A=2|ABSENT_VARIABLE");
    strs_add(test_arena, &values, "=x");
    CHECK_ERR(env_parse(test_arena, &files, &values, &out), ERR_INVALID);
    strs_add(test_arena, &files, "/nosuch");
    CHECK_ERR(env_parse(test_arena, &files, &values, &out), ERR_NOT_FOUND);
}

static const char *label_of(const char *label, const char *lines)
{
    struct strs files = {0}, values = {0};
    struct pairs out = {0};
    const char *path = arena_printf(test_arena, "%s/labels", test_dir());
    FILE *f = fopen(path, "w");
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct err *e;

    fputs(lines, f);
    fclose(f);
    strs_add(test_arena, &files, path);
    if (label)
        strs_add(test_arena, &values, label);
    e = labels_parse(test_arena, &files, &values, &out);
    jw_pairs(&w, NULL, &out);
    label = arena_strdup(test_arena, e ? err_text(e) : b.data);
    err_drop(e);
    return label;
}

TEST(labels_have_a_name_without_blanks)
{
    CHECK_STR(label_of("a=b=c", ""), "{\"a\":\"b=c\"}");
    CHECK_STR(label_of("a", ""), "{\"a\":\"\"}");
    CHECK_STR(label_of("", ""), "invalid label '': empty name");
    CHECK_STR(label_of("=b", ""), "invalid label '=b': empty name");
    CHECK_STR(label_of("a b=c", ""), "label 'a b' contains whitespaces");
    CHECK_STR(label_of("a=b c", "# x\n\n  d=1\nbare\n"), "{\"d\":\"1\",\"a\":\"b c\"}");
    CHECK(strstr(label_of(NULL, "=x\n"), "no variable name on line '=x'"));
    CHECK(strstr(label_of(NULL, "a b=x\n"), "variable 'a b' contains whitespaces"));
}

typedef struct err *(*spec_fn)(struct arena *a, const char *spec, struct jw *out);

static const char *json_of(spec_fn fn, const char *spec)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct err *e = fn(test_arena, spec, &w);
    const char *text = arena_strdup(test_arena, e ? "error" : b.data);

    err_drop(e);
    return text;
}

TEST(small_specs)
{
    CHECK_STR(json_of(ulimit_parse, "nofile=1:2"), "{\"Name\":\"nofile\",\"Hard\":2,\"Soft\":1}");
    CHECK_STR(json_of(ulimit_parse, "nofile=3:2"), "error");
    CHECK_STR(json_of(ulimit_parse, "nofile"), "error");
    CHECK_STR(json_of(device_parse, "/dev/a:/dev/b:r"),
              "{\"PathOnHost\":\"/dev/a\",\"PathInContainer\":\"/dev/b\","
              "\"CgroupPermissions\":\"r\"}");
    CHECK_STR(json_of(device_parse, "/dev/a:rw"),
              "{\"PathOnHost\":\"/dev/a\",\"PathInContainer\":\"/dev/a\","
              "\"CgroupPermissions\":\"rw\"}");
    CHECK_STR(json_of(device_parse, "/dev/a:/b:x"), "error");
    CHECK_STR(json_of(hugetlb_parse, "2MB:64MB"), "{\"PageSize\":\"2MB\",\"Limit\":67108864}");
    CHECK_STR(json_of(hugetlb_parse, "64m"), "{\"Limit\":67108864}");
    CHECK_STR(json_of(hugetlb_parse, "1g:0"), "{\"PageSize\":\"1g\",\"Limit\":0}");
    CHECK_STR(json_of(hugetlb_parse, "0:1g"), "error");
    CHECK_STR(json_of(hugetlb_parse, ":1g"), "error");
    CHECK_STR(json_of(hugetlb_parse, "2m:"), "error");
    CHECK_STR(json_of(hugetlb_parse, "2m:1g:1"), "error");
    CHECK_STR(json_of(hugetlb_parse, "-1"), "error");
    CHECK_STR(json_of(device_weight_parse, "/dev/sda:200"),
              "{\"Path\":\"/dev/sda\",\"Weight\":200}");
    CHECK_STR(json_of(device_weight_parse, "/dev/sda:5"), "error");
    CHECK_STR(json_of(device_weight_parse, "sda:200"), "error");
}

TEST(networks_hosts_labels)
{
    struct network_choice n = {0};
    struct strs hosts = {0};
    struct pairs p = {0};

    CHECK_OK(network_parse(test_arena, "name=net,alias=a,alias=b,ip=10.0.0.2", &n));
    CHECK_STR(n.name, "net");
    CHECK_INT(n.aliases.n, 2);
    CHECK_ERR(network_parse(test_arena, "foo=1", &n), ERR_INVALID);
    CHECK_OK(host_parse(test_arena, "h=1.2.3.4", &hosts));
    CHECK_OK(host_parse(test_arena, "h:host-gateway", &hosts));
    CHECK_OK(host_parse(test_arena, "h:[::1]", &hosts));
    CHECK_STR(strs_join(test_arena, &hosts, " "), "h:1.2.3.4 h:host-gateway h:::1");
    CHECK_ERR(host_parse(test_arena, "h:x", &hosts), ERR_INVALID);
    pairs_set_text(test_arena, &p, "k=v=w");
    pairs_set_text(test_arena, &p, "alone");
    CHECK_STR(pairs_get(&p, "k"), "v=w");
    CHECK_STR(pairs_get(&p, "alone"), "");
}

TEST(filters_and_names)
{
    struct strs f = {0};
    char *query;

    strs_add(test_arena, &f, "label=a=b");
    strs_add(test_arena, &f, "label=c");
    strs_add(test_arena, &f, "name=x");
    CHECK_OK(query_filters(test_arena, &f, &query));
    CHECK_STR(query, arena_printf(test_arena, "filters=%s",
                                  text_to_query(test_arena,
                                                "{\"label\":[\"a=b\",\"c\"],\"name\":[\"x\"]}")));
    strs_add(test_arena, &f, "junk");
    CHECK_ERR(query_filters(test_arena, &f, &query), ERR_INVALID);
    CHECK_STR(ellipsis(test_arena, "12345", 5), "12345");
    CHECK_STR(ellipsis(test_arena, "123456", 5), "1234…");
}

TEST(body_of_a_plain_run)
{
    struct run_options o = {.tty = true, .interactive = true, .rm = true, .skips_trust = true};
    struct run_streams s = {.in = true, .out = true, .err = true};
    struct strs args = text_split(test_arena, "busybox sh", ' ');
    const struct json *j, *host;
    char *body;

    strs_add(test_arena, &o.publish, "8080:80");
    strs_add(test_arena, &o.security, "seccomp:unconfined");
    CHECK_OK(run_body(test_arena, &o, &s, args, &body));
    CHECK_OK(json_parse(test_arena, body, strlen(body), &j));
    host = json_get(j, "HostConfig");
    CHECK_STR(json_str(json_get(j, "Image")), "busybox");
    CHECK(json_bool(json_get(j, "StdinOnce")));
    CHECK_STR(json_text(test_arena, json_get(j, "ExposedPorts")), "{\"80/tcp\":{}}");
    CHECK_STR(json_text(test_arena, json_get(host, "PortBindings")),
              "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}");
    CHECK(json_bool(json_get(host, "AutoRemove")));
    CHECK_INT(json_int(json_get(host, "MemorySwappiness")), -1);
    CHECK(!json_get(host, "MaskedPaths"));
    o.restart = (char *)"always";
    CHECK_ERR(run_body(test_arena, &o, &s, args, &body), ERR_INVALID);
}
